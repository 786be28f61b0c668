/* Runs a compiled model on a file of inputs and writes its outputs, on boards and on hosts.
 *
 * Arguments: INPUTS OUTPUTS. Before each run all memory is filled with noise, so that a kernel that
 * reads what nobody wrote is noticed, and guard bytes around it are checked afterwards. With
 * PV_LAYERS the outputs hold, before each result, the arena's tensor behind every operator.
 * A vector of INPUTS is one of each input, a result one of each output.
 * Compiled with MODEL, the sizes ARENA_BYTES, INPUT_BYTES and OUTPUT_BYTES of all inputs and
 * outputs, and their counts INPUTS and OUTPUTS. */
#include <pocketvision/model.h>

#include "board.h"

enum { GUARD = 64, GUARD_BYTE = 0x5c, FILE_FAILED = 2, WROTE_OUTSIDE = 3, RUN_FAILED = 4 };

#define FENCED(name, bytes) \
  static struct { _Alignas(64) uint8_t before[GUARD], memory[bytes], after[GUARD]; } name

FENCED(arena, ARENA_BYTES);
/* Each input and output is followed by guard bytes of its own. */
FENCED(in, INPUT_BYTES + INPUTS * GUARD);
FENCED(out, OUTPUT_BYTES + OUTPUTS * GUARD);

extern const pv_model MODEL;
static int result_file;
static uint8_t *inputs[INPUTS], *outputs[OUTPUTS];

#ifdef PV_LAYERS
int pocketvision_layers(const void *const *in, void *const *out, void *arena,
                        void (*sink)(const void *memory, uint32_t bytes));
#endif

static void put(const void *memory, uint32_t bytes) {
  if (board_write(result_file, memory, bytes) != bytes) board_exit(FILE_FAILED);
}

static int run(void) {
  const void *from[INPUTS];
  void *to[OUTPUTS];
  for (int i = 0; i < INPUTS; i++) from[i] = inputs[i];
  for (int i = 0; i < OUTPUTS; i++) to[i] = outputs[i];
#ifdef PV_LAYERS
  return pocketvision_layers(from, to, arena.memory, put);
#else
  return MODEL.run(from, to, arena.memory);
#endif
}

static uint32_t bytes_of(const pv_tensor *tensor) {
  uint32_t bytes = tensor->dtype == PV_DTYPE_FLOAT32 ? 4 : 1;
  for (uint32_t i = 0; i < tensor->rank; i++) bytes *= tensor->shape[i];
  return bytes;
}

/* The place of each tensor in `memory`, with guard bytes behind it. */
static void place(uint8_t **places, const pv_tensor *tensors, uint32_t count, uint8_t *memory) {
  for (uint32_t i = 0; i < count; i++) {
    places[i] = memory;
    memory += bytes_of(&tensors[i]);
    for (int j = 0; j < GUARD; j++) *memory++ = GUARD_BYTE;
  }
}

static void fence(uint8_t *before, uint8_t *after) {
  for (int i = 0; i < GUARD; i++) before[i] = after[i] = GUARD_BYTE;
}

static int intact(const uint8_t *before, const uint8_t *after) {
  for (int i = 0; i < GUARD; i++)
    if (before[i] != GUARD_BYTE || after[i] != GUARD_BYTE) return 0;
  return 1;
}

static int all_intact(uint8_t *const *places, const pv_tensor *tensors, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    const uint8_t *after = places[i] + bytes_of(&tensors[i]);
    if (!intact(after, after)) return 0;
  }
  return 1;
}

static int read_inputs(int source) {
  for (uint32_t i = 0; i < INPUTS; i++) {
    const uint32_t bytes = bytes_of(&MODEL.inputs[i]);
    if (board_read(source, inputs[i], bytes) != bytes) return 0;
  }
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
  place(inputs, MODEL.inputs, INPUTS, in.memory);
  place(outputs, MODEL.outputs, OUTPUTS, out.memory);
  const char *path = board_argument(1);
  const int source = path ? board_open(path, 0) : -1;
  path = board_argument(2);
  result_file = path ? board_open(path, 1) : -1;
  if (source < 0 || result_file < 0) return FILE_FAILED;
  uint32_t state = 2463534242u;
  while (read_inputs(source)) {
    scramble(arena.memory, ARENA_BYTES, &state);
    for (int i = 0; i < OUTPUTS; i++) scramble(outputs[i], bytes_of(&MODEL.outputs[i]), &state);
    if (run() != 0) return RUN_FAILED;
    if (!intact(arena.before, arena.after) || !intact(in.before, in.after) ||
        !intact(out.before, out.after) || !all_intact(inputs, MODEL.inputs, INPUTS) ||
        !all_intact(outputs, MODEL.outputs, OUTPUTS))
      return WROTE_OUTSIDE;
    for (int i = 0; i < OUTPUTS; i++) put(outputs[i], bytes_of(&MODEL.outputs[i]));
  }
  board_print("stack ");
  board_print_number(board_stack_used());
  board_print(" of ");
  board_print_number(board_stack_bytes());
  board_print("\n");
  return board_close(result_file) ? FILE_FAILED : 0;
}
