/* Runs any compiled model on a file of inputs and writes its outputs, on the example boards.
 *
 * Like csrc/tools/runner.c, but every size is read from the model, so that this is compiled once
 * for a core and only linked with each model, whose struct the linker calls tested_model. Arena and
 * tensors lie in the RAM behind the program, each between guard bytes. Arguments: INPUTS OUTPUTS.
 * Before each run arena and outputs are filled with noise, and guard bytes are checked after it. */
#include <pocketvision/model.h>
#include <stddef.h>

#include "board.h"

enum { GUARD = 64, GUARD_BYTE = 0x5c, FILE_FAILED = 2, WROTE_OUTSIDE = 3, RUN_FAILED = 4 };
enum { BLOCKS = 1 + 2 * PV_MAX_TENSORS };

/* GUARD bytes stand before `memory` and behind it. */
typedef struct {
  uint8_t *memory;
  uint32_t bytes;
} block;

extern const pv_model tested_model;
extern uint8_t end[], board_ram_end[]; /* of the linker scripts in csrc/firmware/boards */
static block blocks[BLOCKS];
static int count;
static uint8_t *next = end;

static uint32_t bytes_of(const pv_tensor *tensor) {
  uint32_t bytes = tensor->dtype == PV_DTYPE_FLOAT32 ? 4 : 1;
  for (uint32_t i = 0; i < tensor->rank; i++) bytes *= tensor->shape[i];
  return bytes;
}

/* The next place in RAM whose address is `alignment` times a number; ends the program without. */
static block *place(uint32_t bytes, uintptr_t alignment) {
  block *made = &blocks[count++];
  const uintptr_t start = ((uintptr_t)next + GUARD + alignment - 1) / alignment * alignment;
  if (start + bytes + GUARD > (uintptr_t)board_ram_end)
    board_exit(board_fail("the model's memory", "larger than the board's"));
  made->memory = (uint8_t *)start;
  made->bytes = bytes;
  for (int i = 1; i <= GUARD; i++) made->memory[-i] = GUARD_BYTE;
  for (int i = 0; i < GUARD; i++) made->memory[bytes + i] = GUARD_BYTE;
  next = made->memory + bytes + GUARD;
  return made;
}

static int intact(void) {
  for (const block *each = blocks; each < blocks + count; each++) {
    for (int i = 1; i <= GUARD; i++)
      if (each->memory[-i] != GUARD_BYTE) return 0;
    for (int i = 0; i < GUARD; i++)
      if (each->memory[each->bytes + i] != GUARD_BYTE) return 0;
  }
  return 1;
}

static void scramble(const block *some, uint32_t *state) {
  for (uint32_t i = 0; i < some->bytes; i++) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    some->memory[i] = (uint8_t)*state;
  }
}

int main(void) {
  const pv_model *model = &tested_model;
  const void *in[PV_MAX_TENSORS];
  void *out[PV_MAX_TENSORS];
  const block *arena = place((uint32_t)model->arena_bytes, 64);
  const block *inputs = blocks + count;
  for (uint32_t i = 0; i < model->input_count; i++)
    in[i] = place(bytes_of(&model->inputs[i]), 4)->memory;
  const block *outputs = blocks + count;
  for (uint32_t i = 0; i < model->output_count; i++)
    out[i] = place(bytes_of(&model->outputs[i]), 4)->memory;
  const char *path = board_argument(1);
  const int source = path ? board_open(path, 0) : -1;
  path = board_argument(2);
  const int results = path ? board_open(path, 1) : -1;
  if (source < 0 || results < 0) return FILE_FAILED;
  uint32_t state = 2463534242u;
  for (;;) {
    for (uint32_t i = 0; i < model->input_count; i++) {
      if (board_read(source, inputs[i].memory, inputs[i].bytes) != inputs[i].bytes)
        return board_close(results) ? FILE_FAILED : 0;
    }
    scramble(arena, &state);
    for (uint32_t i = 0; i < model->output_count; i++) scramble(&outputs[i], &state);
    if (model->run(in, out, arena->memory) != 0) return RUN_FAILED;
    if (!intact()) return WROTE_OUTSIDE;
    for (uint32_t i = 0; i < model->output_count; i++) {
      if (board_write(results, outputs[i].memory, outputs[i].bytes) != outputs[i].bytes)
        return FILE_FAILED;
    }
  }
}
