/* Exact search with every instruction set of this machine beside pv_gallery_search(): the same
 * entries, scores and order, and not a byte is read behind the last template. */
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "pocketvision/search.h"

static uint32_t state = 1;

static int draw(int least, int most) {
  state = state * 1664525u + 1013904223u;
  return least + (int)((state >> 16) % (uint32_t)(most - least + 1));
}

/* Few values make many equal scores; all of them hold -128, which has no opposite. */
static void fill(int8_t *values, uint32_t count, int most) {
  for (uint32_t i = 0; i < count; i++) values[i] = (int8_t)draw(most == 127 ? -128 : -most, most);
  values[0] = (int8_t)(most == 127 ? -128 : most);
}

static void compare(uint32_t count, uint32_t dimension, uint32_t k, int most) {
  enum { PROBES = 3 };
  const size_t entry = PV_GALLERY_NAME_BYTES + dimension;
  uint8_t *entries = malloc(count * entry); /* of exactly this size, for the sanitizer */
  int8_t *probes = malloc(PROBES * (size_t)dimension);
  float *inverse = malloc(count * sizeof *inverse);
  pv_match *found = malloc(PROBES * k * sizeof *found), *wanted = malloc(k * sizeof *wanted);
  uint32_t held, row = 0;
  for (uint32_t i = 0; i < count; i++) {
    fill((int8_t *)entries + i * entry + PV_GALLERY_NAME_BYTES, dimension, most);
  }
  for (uint32_t i = 0; i < PROBES; i++) fill(probes + (size_t)i * dimension, dimension, most);
  const pv_gallery gallery = {entries, count, dimension};
  pv_templates rows = {(const int8_t *)entries + PV_GALLERY_NAME_BYTES, entry, count, dimension,
                       inverse};
  EXPECT(pv_templates_measure(&rows, inverse, &row) == PV_OK);
  const uint32_t all[] = {0, PV_FEATURE_AVX2, PV_FEATURE_AVX2 | PV_FEATURE_AVX512_VNNI};
  for (size_t f = 0; f < sizeof all / sizeof all[0]; f++) {
    const uint32_t features = all[f] & pv_host_features();
    EXPECT(pv_templates_search(&rows, probes, PROBES, k, features, found, &row) == PV_OK);
    for (uint32_t i = 0; i < PROBES; i++) {
      EXPECT(pv_gallery_search(&gallery, probes + (size_t)i * dimension, k, wanted, &held) ==
             PV_OK);
      EXPECT(held == k && memcmp(wanted, found + (size_t)i * k, k * sizeof *wanted) == 0);
    }
  }
  memset(probes + dimension, 0, dimension);
  EXPECT(pv_templates_search(&rows, probes, PROBES, k, 0, found, &row) == PV_ERR_ZERO_NORM);
  EXPECT(row == 1);
  memset(entries + (count - 1) * entry, 0, entry);
  EXPECT(pv_templates_measure(&rows, inverse, &row) == PV_ERR_ZERO_NORM && row == count - 1);
  EXPECT(pv_templates_search(&rows, probes, 1, 0, 0, found, &row) == PV_ERR_ARGUMENT);
  EXPECT(pv_templates_search(&rows, probes, 1, count + 1, 0, found, &row) == PV_ERR_ARGUMENT);
  rows.stride = dimension - 1;
  EXPECT(pv_templates_measure(&rows, inverse, &row) == PV_ERR_ARGUMENT);
  free(entries);
  free(probes);
  free(inverse);
  free(found);
  free(wanted);
}

int main(void) {
  static const uint32_t dimensions[] = {1, 31, 32, 63, 64, 65, 128, 200, PV_MAX_DIMENSION};
  for (size_t i = 0; i < sizeof dimensions / sizeof dimensions[0]; i++) {
    compare(1, dimensions[i], 1, 127);
    compare(15, dimensions[i], 15, 1);
    compare(33, dimensions[i], 4, 127);
  }
  for (int most = 1; most <= 127; most += 42) {
    compare(700, 128, 1, most);
    compare(700, 24, 50, most);
  }
  return failures != 0;
}
