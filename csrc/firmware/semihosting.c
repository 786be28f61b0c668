/* Console, files and exit of a debugger or emulator, by Arm's semihosting calls. */
#include "board.h"

enum { OPEN = 1, CLOSE = 2, WRITE0 = 4, WRITE = 5, READ = 6, CMDLINE = 0x15, EXIT = 0x20 };
enum { READ_BINARY = 1, WRITE_BINARY = 5, APPLICATION_EXIT = 0x20026, LINE = 512 };

static intptr_t call(int operation, const void *block) {
  register intptr_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = block;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

static size_t length(const char *text) {
  size_t count = 0;
  while (text[count]) count++;
  return count;
}

int board_open(const char *path, int write) {
  const uintptr_t block[3] = {(uintptr_t)path, write ? WRITE_BINARY : READ_BINARY, length(path)};
  return (int)call(OPEN, block);
}

/* Both calls answer how many bytes were left over. */
static size_t transfer(int operation, int file, const void *memory, size_t bytes) {
  const uintptr_t block[3] = {(uintptr_t)file, (uintptr_t)memory, bytes};
  return bytes - (size_t)call(operation, block);
}

size_t board_read(int file, void *memory, size_t bytes) {
  return transfer(READ, file, memory, bytes);
}

size_t board_write(int file, const void *memory, size_t bytes) {
  return transfer(WRITE, file, memory, bytes);
}

int board_close(int file) {
  const uintptr_t block[1] = {(uintptr_t)file};
  return (int)call(CLOSE, block);
}

void board_print(const char *text) { call(WRITE0, text); }

static void print(uint32_t value, uint32_t base) {
  char text[11], *at = text + sizeof text;
  *--at = 0;
  do *--at = "0123456789abcdef"[value % base];
  while (value /= base);
  board_print(at);
}

void board_print_number(uint32_t value) { print(value, 10); }

void board_print_hex(uint32_t value) {
  board_print("0x");
  print(value, 16);
}

const char *board_argument(int index) {
  static char line[LINE];
  uintptr_t block[2] = {(uintptr_t)line, sizeof line};
  if (call(CMDLINE, block) != 0) return NULL;
  char *at = line;
  for (;; index--) {
    while (*at == ' ') at++;
    if (*at == 0) return NULL;
    char *word = at;
    while (*at != 0 && *at != ' ') at++;
    if (index == 0) {
      *at = 0;
      return word;
    }
  }
}

void board_exit(int status) {
  const uintptr_t block[2] = {APPLICATION_EXIT, (uintptr_t)status};
  for (;;) call(EXIT, block);
}
