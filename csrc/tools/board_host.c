/* The functions of csrc/firmware/board.h on a host, so that tools for boards run there too. */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>

enum { FILES = 8 };
static FILE *files[FILES];
static char **words;
static int word_count;

__attribute__((constructor)) static void arguments(int count, char **values) {
  word_count = count;
  words = values;
}

int board_open(const char *path, int write) {
  for (int file = 0; file < FILES; file++)
    if (!files[file]) return (files[file] = fopen(path, write ? "wb" : "rb")) ? file : -1;
  return -1;
}

size_t board_read(int file, void *memory, size_t bytes) {
  return fread(memory, 1, bytes, files[file]);
}

size_t board_write(int file, const void *memory, size_t bytes) {
  return fwrite(memory, 1, bytes, files[file]);
}

int board_close(int file) {
  FILE *closing = files[file];
  files[file] = NULL;
  return fclose(closing) ? -1 : 0;
}

void board_print(const char *text) { fputs(text, stdout); }
void board_print_number(uint32_t value) { printf("%u", (unsigned)value); }
void board_print_hex(uint32_t value) { printf("0x%x", (unsigned)value); }
const char *board_argument(int index) { return index < word_count ? words[index] : NULL; }
void board_exit(int status) { exit(status); }

/* A host's stack is not painted. */
uint32_t board_stack_used(void) { return 0; }
uint32_t board_stack_bytes(void) { return 0; }
