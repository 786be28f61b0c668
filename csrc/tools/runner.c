/* Runs a compiled model on a file of inputs and writes its outputs, on boards and on hosts.
 *
 * Arguments: INPUTS OUTPUTS. Before each run all memory is filled with noise, so that a kernel that
 * reads what nobody wrote is noticed, and guard bytes around it are checked afterwards. With
 * PV_LAYERS the outputs hold, before each result, the arena's tensor behind every operator.
 * Compiled with MODEL and the sizes ARENA_BYTES, INPUT_BYTES and OUTPUT_BYTES. */
#include <pocketvision/model.h>

#include "board.h"

enum { GUARD = 64, GUARD_BYTE = 0x5c, FILE_FAILED = 2, WROTE_OUTSIDE = 3, RUN_FAILED = 4 };

#define FENCED(name, bytes) \
  static struct { _Alignas(64) uint8_t before[GUARD], memory[bytes], after[GUARD]; } name

FENCED(arena, ARENA_BYTES);
FENCED(in, INPUT_BYTES);
FENCED(out, OUTPUT_BYTES);

extern const pv_model MODEL;
static int result_file;

#ifdef PV_LAYERS
int pocketvision_layers(const void *in, void *out, void *arena,
                        void (*sink)(const void *memory, uint32_t bytes));
#endif

static void put(const void *memory, uint32_t bytes) {
  if (board_write(result_file, memory, bytes) != bytes) board_exit(FILE_FAILED);
}

static int run(void) {
#ifdef PV_LAYERS
  return pocketvision_layers(in.memory, out.memory, arena.memory, put);
#else
  return MODEL.run(in.memory, out.memory, arena.memory);
#endif
}

static void fence(uint8_t *before, uint8_t *after) {
  for (int i = 0; i < GUARD; i++) before[i] = after[i] = GUARD_BYTE;
}

static int intact(const uint8_t *before, const uint8_t *after) {
  for (int i = 0; i < GUARD; i++)
    if (before[i] != GUARD_BYTE || after[i] != GUARD_BYTE) return 0;
  return 1;
}

static void scramble(uint8_t *memory, size_t bytes, uint32_t *state) {
  for (size_t i = 0; i < bytes; i++) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    memory[i] = (uint8_t)*state;
  }
}

int main(void) {
  fence(arena.before, arena.after);
  fence(in.before, in.after);
  fence(out.before, out.after);
  const char *path = board_argument(1);
  const int source = path ? board_open(path, 0) : -1;
  path = board_argument(2);
  result_file = path ? board_open(path, 1) : -1;
  if (source < 0 || result_file < 0) return FILE_FAILED;
  uint32_t state = 2463534242u;
  while (board_read(source, in.memory, INPUT_BYTES) == INPUT_BYTES) {
    scramble(arena.memory, ARENA_BYTES, &state);
    scramble(out.memory, OUTPUT_BYTES, &state);
    if (run() != 0) return RUN_FAILED;
    if (!intact(arena.before, arena.after) || !intact(in.before, in.after) ||
        !intact(out.before, out.after))
      return WROTE_OUTSIDE;
    put(out.memory, OUTPUT_BYTES);
  }
  board_print("stack ");
  board_print_number(board_stack_used());
  board_print(" of ");
  board_print_number(board_stack_bytes());
  board_print("\n");
  return board_close(result_file) ? FILE_FAILED : 0;
}
