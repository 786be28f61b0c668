/* Runs every candidate of a tile once, under the counter, each on the same noise.
 *
 * argv[1] gets one line per candidate: a hash of all the arena's bytes behind it. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

extern const unsigned pocketvision_candidates;
extern const size_t pocketvision_trial_bytes;
int pocketvision_trial(unsigned candidate, void *arena, uint64_t *table);

static void fill(uint64_t *words, size_t count) {
  uint64_t state = UINT64_C(88172645463325252);
  for (size_t i = 0; i < count; i++) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    words[i] = state;
  }
}

static uint64_t hash(const uint64_t *words, size_t count) {
  uint64_t sum = UINT64_C(14695981039346656037);
  for (size_t i = 0; i < count; i++) {
    sum = (sum ^ words[i]) * UINT64_C(1099511628211);
    sum ^= sum >> 29;
  }
  return sum;
}

int main(int count, char **arguments) {
  const size_t size = (pocketvision_trial_bytes + 63) / 64 * 64;
  uint64_t *arena = aligned_alloc(64, size);
  FILE *out = count == 2 ? fopen(arguments[1], "w") : NULL;
  if (!arena || !out) {
    fprintf(stderr, "no memory, or no file for the hashes\n");
    return 1;
  }
  for (unsigned candidate = 0; candidate < pocketvision_candidates; candidate++) {
    fill(arena, size / 8);
    if (pocketvision_trial(candidate, arena, NULL)) return 1;
    fprintf(out, "%016" PRIx64 "\n", hash(arena, size / 8));
  }
  return fclose(out) != 0;
}
