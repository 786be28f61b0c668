/* What start.c and semihosting.c give to a main of the example boards. */
#ifndef POCKETVISION_BOARD_H
#define POCKETVISION_BOARD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Most bytes of the stack that were in use since the start, and its size. */
uint32_t board_stack_used(void);
uint32_t board_stack_bytes(void);

/* Files and console of the debugger or emulator. A file is -1 where it cannot be opened. */
int board_open(const char *path, int write);
size_t board_read(int file, void *memory, size_t bytes); /* bytes that were read */
size_t board_write(int file, const void *memory, size_t bytes);
int board_close(int file); /* 0, or -1 */
/* Whole files, by the functions above (files.c). Reading gives the bytes that were read, at most
 * `bytes`, and 0 for an absent file too; writing 0, or -1. */
size_t board_read_file(const char *path, void *memory, size_t bytes);
int board_write_file(const char *path, const void *memory, size_t bytes);

void board_print(const char *text);
void board_print_number(uint32_t value);
void board_print_hex(uint32_t value);

/* Word `index` of the command line, or NULL; valid until the next call. */
const char *board_argument(int index);

/* Ends the program with a status that the emulator gives to its caller. */
__attribute__((noreturn)) void board_exit(int status);

/* Prints "what: why" and a new line; returns 1, for main() to end with. */
static inline int board_fail(const char *what, const char *why) {
  board_print(what);
  board_print(": ");
  board_print(why);
  board_print("\n");
  return 1;
}

/* Prints "stack USED of ALL bytes, arena BYTES" and a new line. */
static inline void board_print_memory(size_t arena) {
  board_print("stack ");
  board_print_number(board_stack_used());
  board_print(" of ");
  board_print_number(board_stack_bytes());
  board_print(" bytes, arena ");
  board_print_number((uint32_t)arena);
  board_print("\n");
}

#ifdef __cplusplus
}
#endif

#endif
