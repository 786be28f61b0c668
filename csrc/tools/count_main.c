/* Runs an instrumented model once on noise, under the counter; on hosts and on boards.
 *
 * Compiled with the sizes ARENA_BYTES, INPUT_BYTES and OUTPUT_BYTES. */
#include <stddef.h>
#include <stdint.h>

int pocketvision_profile(const void *in, void *out, void *arena, uint64_t *table);

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
  return pocketvision_profile(in, out, arena, NULL);
}
