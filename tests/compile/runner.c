/* Runs a compiled model on a file of inputs through the product's loader, on hosts and in QEMU.
 *
 * The arena and each tensor end where unmapped memory begins, are filled with noise before each
 * run and have guard bytes in front: a kernel that leaves its memory crashes or is reported. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pocketvision/loader.h"
#include "pocketvision/session.h"

enum { GUARD = 64, GUARD_BYTE = 0x5c };

/* `bytes` of memory that end at an unmapped page, after GUARD bytes of GUARD_BYTE. */
static uint8_t *fenced(size_t bytes) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const size_t body = (bytes + GUARD + page - 1) / page * page;
  uint8_t *start =
      mmap(NULL, body + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED || mprotect(start + body, page, PROT_NONE) != 0) return NULL;
  uint8_t *memory = start + body - bytes;
  memset(memory - GUARD, GUARD_BYTE, GUARD);
  return memory;
}

static int intact(const uint8_t *memory) {
  for (int i = 1; i <= GUARD; i++)
    if (memory[-i] != GUARD_BYTE) return 0;
  return 1;
}

/* xorshift32 noise, so that a kernel that reads what nobody wrote differs from run to run. */
static void scramble(uint8_t *memory, size_t bytes, uint32_t *state) {
  for (size_t i = 0; i < bytes; i++) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    memory[i] = (uint8_t)*state;
  }
}

/* One vector of each input. */
static int read_all(const pv_model *model, uint8_t **in, FILE *source) {
  for (uint32_t i = 0; i < model->input_count; i++) {
    const size_t bytes = pv_tensor_bytes(&model->inputs[i]);
    if (fread(in[i], 1, bytes, source) != bytes) return 0;
  }
  return 1;
}

int main(int count, char **arguments) {
  char detail[256];
  pv_library library;
  if (count == 2 && strcmp(arguments[1], "--features") == 0) {
    printf("%u\n", (unsigned)pv_host_features());
    return 0;
  }
  if (count != 4) {
    fprintf(stderr, "usage: runner --features | runner MODEL.so INPUTS OUTPUTS\n");
    return 2;
  }
  pv_status status = pv_library_open(&library, arguments[1], detail, sizeof detail);
  if (status != PV_OK) {
    fprintf(stderr, "%s: %s (%s)\n", arguments[1], pv_status_message(status), detail);
    return 1;
  }
  const pv_model *model = library.model;
  const size_t arena_bytes = (model->arena_bytes + 63) / 64 * 64;
  uint8_t *arena = fenced(arena_bytes), *in[PV_MAX_TENSORS], *out[PV_MAX_TENSORS];
  int memory = arena != NULL;
  for (uint32_t i = 0; i < model->input_count; i++) {
    memory &= (in[i] = fenced(pv_tensor_bytes(&model->inputs[i]))) != NULL;
  }
  for (uint32_t i = 0; i < model->output_count; i++) {
    memory &= (out[i] = fenced(pv_tensor_bytes(&model->outputs[i]))) != NULL;
  }
  FILE *source = fopen(arguments[2], "rb"), *target = fopen(arguments[3], "wb");
  pv_session session;
  if (!memory || !source || !target ||
      pv_session_init(&session, model, arena, arena_bytes) != PV_OK) {
    fprintf(stderr, "%s: no memory or no file\n", arguments[1]);
    return 1;
  }
  uint32_t state = 2463534242u;
  while (read_all(model, in, source)) {
    int whole = 1;
    scramble(arena, arena_bytes, &state);
    for (uint32_t i = 0; i < model->output_count; i++) {
      scramble(out[i], pv_tensor_bytes(&model->outputs[i]), &state);
    }
    if (pv_session_run(&session, (const void *const *)in, (void *const *)out) != PV_OK) return 1;
    for (uint32_t i = 0; i < model->input_count; i++) whole &= intact(in[i]);
    for (uint32_t i = 0; i < model->output_count; i++) whole &= intact(out[i]);
    if (!whole || !intact(arena)) {
      fprintf(stderr, "%s: wrote before the start of its memory\n", arguments[1]);
      return 1;
    }
    for (uint32_t i = 0; i < model->output_count; i++) {
      const size_t bytes = pv_tensor_bytes(&model->outputs[i]);
      if (fwrite(out[i], 1, bytes, target) != bytes) return 1;
    }
  }
  return fclose(target);
}
