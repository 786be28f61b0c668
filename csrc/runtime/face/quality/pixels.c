/* One pass over a crop: light, colour, and differences at four scales in four directions. */
#include <string.h>

#include "parts.h"

#define DARK (5 * 4)     /* quarters of a grey level: at most this is black, */
#define BRIGHT (250 * 4) /* and from here on white */

/* The last two rows of each level, one level after the other. A row of a level is the mean of two
 * rows of the one before. */
typedef struct levels {
  int16_t rows[4 * PV_QUALITY_SIDE - (4 * PV_QUALITY_SIDE >> PV_QUALITY_LEVELS)];
} levels;

static int16_t *row_at(levels *own, uint32_t level, uint32_t y) {
  const uint32_t twice = 2 * PV_QUALITY_SIDE, start = 2 * twice - (2 * twice >> level);
  return own->rows + start + (y & 1) * (PV_QUALITY_SIDE >> level);
}

static int32_t size_of(int32_t value) { return value < 0 ? -value : value; }

/* Row `y` of the crop as if it had 112 pixels a side, bilinear in 1/256. */
static const uint8_t *row_of(const uint8_t *crop, uint32_t side, uint32_t y, uint8_t *made) {
  if (side == PV_QUALITY_SIDE) return crop + (size_t)y * PV_QUALITY_SIDE * 3;
  const uint32_t last = (side - 1) * 256;
  /* Centres of pixels: (y + 1/2) * side / 112 - 1/2, which the edge holds in the picture. */
  const uint32_t rows = (2 * y + 1) * side * 128 / PV_QUALITY_SIDE;
  const uint32_t down = rows < 128 ? 0 : rows - 128 > last ? last : rows - 128;
  const uint8_t *above = crop + (size_t)(down >> 8) * side * 3;
  const uint8_t *below = down >> 8 < side - 1 ? above + (size_t)side * 3 : above;
  for (uint32_t x = 0; x < PV_QUALITY_SIDE; x++) {
    const uint32_t columns = (2 * x + 1) * side * 128 / PV_QUALITY_SIDE;
    const uint32_t across = columns < 128 ? 0 : columns - 128 > last ? last : columns - 128;
    const uint32_t left = (across >> 8) * 3, right = across >> 8 < side - 1 ? left + 3 : left;
    for (uint32_t channel = 0; channel < 3; channel++) {
      const uint32_t high =
          above[left + channel] * (256 - (across & 255)) + above[right + channel] * (across & 255);
      const uint32_t low =
          below[left + channel] * (256 - (across & 255)) + below[right + channel] * (across & 255);
      made[3 * x + channel] =
          (uint8_t)((high * (256 - (down & 255)) + low * (down & 255) + (1 << 15)) >> 16);
    }
  }
  return made;
}

static void add_light(const uint8_t *pixels, int16_t *light) {
  for (uint32_t x = 0; x < PV_QUALITY_SIDE; x++) {
    light[x] = (int16_t)(pixels[3 * x] + 2 * pixels[3 * x + 1] + pixels[3 * x + 2]);
  }
}

static void add_colour(const uint8_t *pixels, pv_pixel_sums *sums) {
  for (uint32_t x = PV_QUALITY_LEFT; x < PV_QUALITY_RIGHT; x += 2) {
    const int32_t red = pixels[3 * x], green = pixels[3 * x + 1], blue = pixels[3 * x + 2];
    sums->colour[0] += (uint32_t)red;
    sums->colour[1] += (uint32_t)green;
    sums->colour[2] += (uint32_t)blue;
    sums->colour_gaps[0] += (uint32_t)size_of(red - green);
    sums->colour_gaps[1] += (uint32_t)size_of(green - blue);
  }
}

static void add_clipped(const int16_t *light, pv_pixel_sums *sums) {
  int32_t dark = 0, bright = 0;
  for (uint32_t x = PV_QUALITY_LEFT; x < PV_QUALITY_RIGHT; x++) {
    dark += light[x] <= DARK;
    bright += light[x] >= BRIGHT;
  }
  sums->dark += (uint32_t)dark;
  sums->bright += (uint32_t)bright;
}

/* Differences of `row` in itself and from the row above it. */
static void add_differences(const int16_t *above, const int16_t *row, uint32_t count,
                            uint32_t absolute[PV_DIRECTIONS], uint64_t square[2]) {
  int32_t sum[PV_DIRECTIONS] = {0, 0, 0, 0}, squares[2] = {0, 0};
  for (uint32_t x = 0; x < count; x++) {
    const int16_t across = (int16_t)(row[x + 1] - row[x]), down = (int16_t)(row[x] - above[x]);
    const int16_t falling = (int16_t)(row[x + 1] - above[x]);
    const int16_t rising = (int16_t)(row[x] - above[x + 1]);
    sum[PV_ACROSS] += across < 0 ? -across : across;
    sum[PV_DOWN] += down < 0 ? -down : down;
    sum[PV_FALLING] += falling < 0 ? -falling : falling;
    sum[PV_RISING] += rising < 0 ? -rising : rising;
    squares[0] += across * across; /* below 2^20 each */
    squares[1] += down * down;
  }
  for (int i = 0; i < PV_DIRECTIONS; i++) absolute[i] += (uint32_t)sum[i];
  for (int i = 0; i < 2; i++) square[i] += (uint32_t)squares[i];
}

/* Row `y` of level 1 for the map of where there is detail. */
static void add_detail(const int16_t *above, const int16_t *row, uint32_t y, pv_pixel_sums *sums) {
  const uint32_t first = y / 8 * PV_QUALITY_TILES, end = PV_QUALITY_SIDE / 2 - 1;
  for (uint32_t tile = 0; tile < PV_QUALITY_TILES; tile++) {
    int32_t across = 0, down = 0;
    for (uint32_t x = 8 * tile; x < 8 * tile + 8 && x < end; x++) {
      across += size_of(row[x + 1] - row[x]);
      down += size_of(row[x] - above[x]);
    }
    sums->detail[0][first + tile] += (uint32_t)across;
    sums->detail[1][first + tile] += (uint32_t)down;
  }
}

/* Takes in row `y` of level 0 and what becomes complete above it. */
static void add_row(levels *own, uint32_t y, pv_pixel_sums *sums) {
  for (uint32_t level = 0;; level++, y >>= 1) {
    const int16_t *row = row_at(own, level, y), *above = row_at(own, level, y + 1);
    const uint32_t left = PV_QUALITY_LEFT >> level, right = PV_QUALITY_RIGHT >> level;
    const uint32_t top = PV_QUALITY_TOP >> level, bottom = PV_QUALITY_BOTTOM >> level;
    if (y >= top && y < bottom) {
      add_differences(above + left, row + left, right - left, sums->absolute[level],
                      sums->square[level]);
    }
    if (level == 1 && y > 0) add_detail(above, row, y, sums);
    if (level == PV_QUALITY_LEVELS - 1) {
      memcpy(sums->thumbnail + y * PV_QUALITY_GRID, row, PV_QUALITY_GRID * sizeof *row);
      return;
    }
    if ((y & 1) == 0) return;
    int16_t *next = row_at(own, level + 1, y >> 1);
    const uint32_t width = PV_QUALITY_SIDE >> (level + 1);
    for (uint32_t x = 0; x < width; x++) {
      next[x] = (int16_t)((above[2 * x] + above[2 * x + 1] + row[2 * x] + row[2 * x + 1] + 2) >> 2);
    }
  }
}

void pv_pixels_sum(const uint8_t *crop, uint32_t side, pv_pixel_sums *sums) {
  levels own;
  uint8_t made[PV_QUALITY_SIDE * 3];
  memset(sums, 0, sizeof *sums);
  for (uint32_t y = 0; y < PV_QUALITY_SIDE; y++) {
    const uint8_t *pixels = row_of(crop, side, y, made);
    int16_t *light = row_at(&own, 0, y);
    add_light(pixels, light);
    if (y >= PV_QUALITY_TOP && y < PV_QUALITY_BOTTOM) {
      add_clipped(light, sums);
      if ((y & 1) == 0) add_colour(pixels, sums);
    }
    add_row(&own, y, sums);
  }
  int32_t light = 0, spread = 0;
  for (uint32_t i = 0; i < PV_QUALITY_CELLS; i++) light += sums->thumbnail[i];
  for (uint32_t i = 0; i < PV_QUALITY_CELLS; i++) {
    spread += size_of(sums->thumbnail[i] * PV_QUALITY_CELLS - light);
  }
  sums->light = (uint32_t)light;
  sums->spread = (uint32_t)spread;
}
