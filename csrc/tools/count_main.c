/* Runs an instrumented model once on noise, under the counter: input, output and arena of its own.
 */
#include <pocketvision/model.h>
#include <stdio.h>
#include <stdlib.h>

extern const pv_model pocketvision_model;
int pocketvision_profile(const void *in, void *out, void *arena, uint64_t *table);

static size_t bytes(const pv_tensor *tensor) {
  return (size_t)tensor->height * tensor->width * tensor->channels;
}

/* `size` bytes on a line of the cache, as a session's arena is. */
static uint8_t *memory(size_t size) { return aligned_alloc(64, (size + 63) / 64 * 64); }

int main(void) {
  const pv_model *model = &pocketvision_model;
  uint8_t *in = memory(bytes(&model->input)), *out = memory(bytes(&model->output));
  uint8_t *arena = memory(model->arena_bytes);
  if (!in || !out || !arena) {
    fprintf(stderr, "no memory\n");
    return 1;
  }
  uint32_t state = 2463534242u;
  for (size_t i = 0; i < bytes(&model->input); i++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    in[i] = (uint8_t)state;
  }
  return pocketvision_profile(in, out, arena, NULL);
}
