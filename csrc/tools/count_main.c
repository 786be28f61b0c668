/* Runs an instrumented model once on noise, under the counter; on hosts and on boards.
 *
 * Compiled with the sizes ARENA_BYTES, INPUT_BYTES, OUTPUT_BYTES and the counts INPUTS, OUTPUTS. */
#include <stddef.h>
#include <stdint.h>

int pocketvision_profile(const void *const *in, void *const *out, void *arena, uint64_t *table);

/* On a line of the cache, as a session's arena is. */
static _Alignas(64) uint8_t arena[ARENA_BYTES], in[INPUT_BYTES], out[OUTPUT_BYTES];

int main(void) {
  uint32_t state = 2463534242u;
  for (size_t i = 0; i < sizeof in; i++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    in[i] = (uint8_t)state;
  }
  /* Only what is executed counts: all inputs may be the same noise, all outputs one place. */
  const void *from[INPUTS];
  void *to[OUTPUTS];
  for (size_t i = 0; i < INPUTS; i++) from[i] = in;
  for (size_t i = 0; i < OUTPUTS; i++) to[i] = out;
  return pocketvision_profile(from, to, arena, NULL);
}
