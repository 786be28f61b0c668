/* What five landmarks say of a face: size, turn, whether they fit one, and what lies outside. */
#include <stddef.h>

#include "parts.h"

#define SAMPLES 16 /* positions of the face a side, of which each lies inside or outside */
#define QUARTER (90 * 64)
#define MOST_RESIDUAL INT16_MAX

typedef struct point {
  int64_t x, y;
} point;

/* The largest integer whose square is not above `value`. */
static uint32_t root(uint64_t value) {
  uint64_t rest = value, result = 0;
  for (uint64_t bit = UINT64_C(1) << 62; bit != 0; bit >>= 2) {
    const uint64_t trial = result + bit;
    result >>= 1;
    if (rest >= trial) {
      rest -= trial;
      result += bit;
    }
  }
  return (uint32_t)result;
}

/* Towards minus infinity; the shift of a negative value is the compiler's own choice. */
static int64_t shifted(int64_t value, int shift) {
  return value >= 0 ? value >> shift : -((-value + (INT64_C(1) << shift) - 1) >> shift);
}

/* A step of the crop, in 1/65536 of its pixels, as one of the picture in 1/256 of its. */
static point moved(const pv_placement *placement, int64_t u, int64_t v) {
  /* 2^-24 of a pixel times 2^-16 of one: 32 bits more than 1/256. */
  const int64_t x = shifted(placement->right_x, 8), y = shifted(placement->right_y, 8);
  const point found = {shifted(x * u - y * v, 32), shifted(y * u + x * v, 32)};
  return found;
}

/* The angle of a direction in degrees, -179 to 180, from right to down (CORDIC, Volder 1959). */
static int32_t degrees(int64_t x, int64_t y) {
  static const int16_t steps[] = {2880, 1700, 898, 456, 229, 115, 57, 29, 14, 7}; /* of 1/64 */
  int32_t angle = 0;
  x *= 1 << 16;
  y *= 1 << 16;
  if (x < 0) {
    const int64_t before = x;
    angle = y < 0 ? -QUARTER : QUARTER;
    x = y < 0 ? -y : y;
    y = angle > 0 ? -before : before;
  }
  for (int i = 0; i < (int)(sizeof steps / sizeof steps[0]); i++) {
    const int64_t before = x;
    if (y > 0) {
      x += shifted(y, i);
      y -= shifted(before, i);
      angle += steps[i];
    } else {
      x -= shifted(y, i);
      y += shifted(before, i);
      angle -= steps[i];
    }
  }
  const int32_t whole = (int32_t)shifted(angle + 32, 6);
  return whole <= -180 ? whole + 360 : whole;
}

/* A sample's place along the crop, in 1/32 of its pixels: within the window that holds the face. */
static int64_t along(int64_t from, int64_t sample, uint32_t side) {
  const int64_t step = PV_QUALITY_RIGHT - PV_QUALITY_LEFT; /* twice SAMPLES of it fill the window */
  return (from * 2 * SAMPLES + (2 * sample + 1) * step) * side / PV_QUALITY_SIDE - SAMPLES;
}

/* Hundredths of the face that lie outside the picture. */
static uint8_t outside(const pv_placement *placement, uint32_t side, uint32_t width,
                       uint32_t height) {
  const int64_t half = INT64_C(1) << 31;
  uint32_t count = 0;
  for (int64_t row = 0; row < SAMPLES; row++) {
    for (int64_t column = 0; column < SAMPLES; column++) {
      const int64_t u = along(PV_QUALITY_LEFT, column, side);
      const int64_t v = along(PV_QUALITY_TOP, row, side);
      const int64_t right_x = shifted(placement->right_x, 5);
      const int64_t right_y = shifted(placement->right_y, 5);
      const int64_t x = placement->x + u * right_x - v * right_y + half;
      const int64_t y = placement->y + u * right_y + v * right_x + half;
      count += x < 0 || y < 0 || x >= (int64_t)width << 32 || y >= (int64_t)height << 32;
    }
  }
  return (uint8_t)((count * 100 + SAMPLES * SAMPLES / 2) / (SAMPLES * SAMPLES));
}

uint32_t pv_place_judge(const pv_quality_place *place, uint32_t side, pv_quality *quality) {
  const int32_t *from = place->landmarks, *to = place->reference;
  pv_placement placement;
  quality->placed = 1;
  if (pv_placement_fit(from, to, &placement) != PV_OK) {
    quality->residual = MOST_RESIDUAL;
    quality->outside = 100;
    return 0;
  }
  const point eyes = moved(&placement, (int64_t)to[2] - to[0], (int64_t)to[3] - to[1]);
  const int64_t square = eyes.x * eyes.x + eyes.y * eyes.y;
  const uint32_t length = root((uint64_t)square);
  if (length == 0) {
    quality->residual = MOST_RESIDUAL;
    quality->outside = 100;
    return 0;
  }
  uint64_t errors = 0;
  for (int i = 0; i < PV_LANDMARKS; i++) {
    const point step = moved(&placement, to[2 * i], to[2 * i + 1]);
    const int64_t x = from[2 * i] - step.x - shifted(placement.x, 24);
    const int64_t y = from[2 * i + 1] - step.y - shifted(placement.y, 24);
    errors += (uint64_t)(x * x + y * y);
  }
  const uint64_t residual = (uint64_t)root(errors / PV_LANDMARKS) * PV_QUALITY_EYES_UNIT / length;
  const int64_t nose_x = 2 * (int64_t)from[4] - from[0] - from[2];
  const int64_t nose_y = 2 * (int64_t)from[5] - from[1] - from[3];
  const int64_t yaw = (nose_x * eyes.x + nose_y * eyes.y) * PV_QUALITY_EYES_UNIT / (2 * square);
  quality->eye_distance = length;
  quality->residual = (int16_t)(residual < MOST_RESIDUAL ? residual : MOST_RESIDUAL);
  quality->yaw = (int16_t)(yaw < -MOST_RESIDUAL  ? -MOST_RESIDUAL
                           : yaw > MOST_RESIDUAL ? MOST_RESIDUAL
                                                 : yaw);
  quality->roll = (int16_t)degrees(eyes.x, eyes.y);
  quality->outside = outside(&placement, side, place->width, place->height);
  const point wide = moved(&placement, (int64_t)side * PV_REFERENCE_UNIT, 0);
  return root((uint64_t)(wide.x * wide.x + wide.y * wide.y));
}
