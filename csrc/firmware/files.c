/* Whole files of the debugger or emulator. */
#include "board.h"

size_t board_read_file(const char *path, void *memory, size_t bytes) {
  const int file = board_open(path, 0);
  if (file < 0) return 0;
  const size_t found = board_read(file, memory, bytes);
  return board_close(file) == 0 ? found : 0;
}

int board_write_file(const char *path, const void *memory, size_t bytes) {
  const int file = board_open(path, 1);
  if (file < 0) return -1;
  const size_t written = board_write(file, memory, bytes);
  return board_close(file) == 0 && written == bytes ? 0 : -1;
}
