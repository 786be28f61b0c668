/* Sums over a crop to the small numbers that the network of the quality reads. */
#include "parts.h"

#define CONTRAST 40 /* a thumbnail's mean deviation becomes this */
#define LEAST_SPREAD (2 * PV_QUALITY_CELLS * PV_QUALITY_CELLS) /* half a grey level */
#define WINDOW ((PV_QUALITY_RIGHT - PV_QUALITY_LEFT) * (PV_QUALITY_BOTTOM - PV_QUALITY_TOP))

/* 2^bits times the logarithm to base 2, linear between powers of two; 0 for 0. */
static int32_t logarithm(uint64_t value, int32_t bits) {
  if (value == 0) return 0;
  int32_t power = 0;
  while (value >> power > 1) power++;
  const uint64_t share = power >= bits ? value >> (power - bits) : value << (bits - power);
  return (power << bits) + (int32_t)(share & ((UINT64_C(1) << bits) - 1));
}

static int32_t log16(uint64_t value) { return logarithm(value, 4); }

static int32_t log256(uint64_t value) { return logarithm(value, 8); }

static int8_t narrowed(int32_t value) {
  return (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
}

/* value / by to nearest, halves away from zero. */
static int32_t divided(int32_t value, int32_t by) {
  return value < 0 ? -((-value + by / 2) / by) : (value + by / 2) / by;
}

static int8_t *thumbnail(const pv_pixel_sums *sums, int8_t *out) {
  const int32_t spread = (int32_t)(sums->spread > LEAST_SPREAD ? sums->spread : LEAST_SPREAD);
  /* The mean deviation, of CELLS, is spread / CELLS; both of quarters of a grey level. */
  const int32_t deviation = divided(spread, PV_QUALITY_CELLS);
  for (uint32_t i = 0; i < PV_QUALITY_CELLS; i++) {
    const int32_t from_mean = sums->thumbnail[i] * PV_QUALITY_CELLS - (int32_t)sums->light;
    *out++ = narrowed(divided(from_mean * CONTRAST, deviation));
  }
  return out;
}

static int8_t *detail(const pv_pixel_sums *sums, int8_t *out) {
  const int32_t tiles = PV_QUALITY_TILES * PV_QUALITY_TILES;
  uint64_t all = 0;
  for (int32_t i = 0; i < tiles; i++) all += sums->detail[0][i] + (uint64_t)sums->detail[1][i];
  /* As logarithms, less that of a tile's mean. */
  const int32_t mean = log16(1 + all / (uint64_t)(2 * tiles));
  for (int direction = 0; direction < 2; direction++) {
    for (int32_t i = 0; i < tiles; i++) {
      *out++ = narrowed(log16(1 + (uint64_t)sums->detail[direction][i]) - mean);
    }
  }
  return out;
}

static int8_t *bands(const pv_pixel_sums *sums, int8_t *out) {
  for (int32_t level = 0; level < PV_QUALITY_LEVELS; level++) {
    /* Of a mean difference of two grey levels, so that most values lie around zero. */
    const int32_t middle = log16((uint64_t)(WINDOW >> (2 * level)) * 8);
    const int32_t middle_square = log16((uint64_t)(WINDOW >> (2 * level)) * 64);
    for (int direction = 0; direction < PV_DIRECTIONS; direction++) {
      *out++ = narrowed(log16(1 + (uint64_t)sums->absolute[level][direction]) - middle);
    }
    for (int direction = 0; direction < 2; direction++) {
      *out++ = narrowed((log16(1 + sums->square[level][direction]) - middle_square) / 2);
    }
  }
  return out;
}

/* How detail falls from level to level, how much of it lies in few places, and how it differs
 * between directions: by 1/128 of a power of two, as all that blurs changes these by little and the
 * same. */
static int8_t *slopes(const pv_pixel_sums *sums, int8_t *out) {
  for (int32_t level = 0; level < PV_QUALITY_LEVELS; level++) {
    const uint32_t *fine = sums->absolute[level];
    for (int i = 0; level < PV_QUALITY_LEVELS - 1 && i < PV_DIRECTIONS; i++) {
      /* The next level has a quarter of the pixels; 192 is a common fall. */
      const int32_t coarse = log256(1 + (uint64_t)sums->absolute[level + 1][i]);
      *out++ = narrowed((log256(1 + (uint64_t)fine[i]) - coarse - 512 + 192) / 2);
    }
    const int32_t count = log256((uint64_t)(WINDOW >> (2 * level)));
    for (int i = 0; i < 2; i++) {
      const int32_t root = (log256(1 + sums->square[level][i]) + count) / 2;
      *out++ = narrowed((root - log256(1 + (uint64_t)fine[i]) - 160) / 2);
    }
    for (int i = 0; i < PV_DIRECTIONS; i += 2) {
      *out++ = narrowed((log256(1 + (uint64_t)fine[i]) - log256(1 + (uint64_t)fine[i + 1])) / 2);
    }
  }
  return out;
}

static int8_t *light(const pv_pixel_sums *sums, int8_t *out) {
  *out++ = narrowed(log16(1 + sums->spread / PV_QUALITY_CELLS) - 16 * 14);
  *out++ = narrowed(log16(1 + sums->light) - 16 * 16);
  *out++ = narrowed((int32_t)(sums->dark * 127 / WINDOW));
  *out++ = narrowed((int32_t)(sums->bright * 127 / WINDOW));
  return out;
}

static int8_t *colour(const pv_pixel_sums *sums, int8_t *out) {
  const uint32_t *sum = sums->colour;
  const int32_t all = (int32_t)(1 + sum[0] + sum[1] + sum[2]);
  for (int i = 0; i < 3; i++) *out++ = narrowed(log16(1 + (uint64_t)sum[i]) - 16 * 17);
  for (int i = 0; i < 2; i++) {
    *out++ = narrowed(log16(1 + (uint64_t)sums->colour_gaps[i]) - 16 * 15);
  }
  *out++ = narrowed(divided(((int32_t)sum[0] - (int32_t)sum[1]) * 256, all));
  *out++ = narrowed(divided(((int32_t)sum[2] - (int32_t)sum[1]) * 256, all));
  return out;
}

void pv_features_of(const pv_pixel_sums *sums, int8_t features[PV_QUALITY_FEATURES]) {
  int8_t *out = thumbnail(sums, features);
  out = detail(sums, out);
  out = bands(sums, out);
  out = slopes(sums, out);
  out = light(sums, out);
  colour(sums, out);
}
