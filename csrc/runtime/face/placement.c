/* The similarity from five landmarks to a model's reference points, in integers. */
#include "pocketvision/frame.h"

#define BITS 30            /* of a factor, so that sums of two products fit 63 bits */
#define LINE_SHARE 1000000 /* squared: spread along a line by spread across it */
#define MAX_RIGHT_BITS 38  /* 64 pixels of the frame for one of the input, in 2^-32 */
#define MAX_LANDMARK (PV_MAX_FRAME_SIDE * PV_LANDMARK_UNIT)
#define MAX_REFERENCE (PV_MAX_INPUT_SIDE * PV_REFERENCE_UNIT)

static int64_t magnitude(int64_t value) { return value < 0 ? -value : value; }

static int bits_of(int64_t value) {
  int bits = 0;
  for (uint64_t rest = (uint64_t)magnitude(value); rest != 0; rest >>= 1) bits++;
  return bits;
}

/* value / 2^shift towards zero; a negative shift multiplies. */
static int64_t shifted(int64_t value, int shift) {
  const uint64_t size = (uint64_t)magnitude(value);
  const int64_t result = (int64_t)(shift >= 64 ? 0 : shift >= 0 ? size >> shift : size << -shift);
  return value < 0 ? -result : result;
}

pv_status pv_landmarks_from_pixels(const float pixels[2 * PV_LANDMARKS],
                                   int32_t landmarks[2 * PV_LANDMARKS]) {
  if (pixels == NULL || landmarks == NULL) return PV_ERR_ARGUMENT;
  for (int i = 0; i < 2 * PV_LANDMARKS; i++) {
    /* Written so that a NaN fails too. */
    if (!(pixels[i] >= -PV_MAX_FRAME_SIDE && pixels[i] <= PV_MAX_FRAME_SIDE)) {
      return PV_ERR_NOT_FINITE;
    }
    /* The product is exact, so that a fused addition changes nothing. */
    const float scaled = pixels[i] * PV_LANDMARK_UNIT;
    landmarks[i] = (int32_t)(scaled < 0 ? scaled - 0.5f : scaled + 0.5f);
  }
  return PV_OK;
}

/* Sums of squares and products about the mean, all of them 25 times, as means are fifths. */
typedef struct moments {
  int64_t from[2], to[2]; /* sums of coordinates */
  int64_t xx, xy, yy, dot, cross;
} moments;

static moments measure(const int32_t *from, const int32_t *to) {
  moments m = {{0, 0}, {0, 0}, 0, 0, 0, 0, 0};
  for (int i = 0; i < PV_LANDMARKS; i++) {
    for (int axis = 0; axis < 2; axis++) {
      m.from[axis] += from[2 * i + axis];
      m.to[axis] += to[2 * i + axis];
    }
  }
  for (int i = 0; i < PV_LANDMARKS; i++) {
    const int64_t x = (int64_t)PV_LANDMARKS * from[2 * i] - m.from[0];
    const int64_t y = (int64_t)PV_LANDMARKS * from[2 * i + 1] - m.from[1];
    const int64_t u = (int64_t)PV_LANDMARKS * to[2 * i] - m.to[0];
    const int64_t v = (int64_t)PV_LANDMARKS * to[2 * i + 1] - m.to[1];
    m.xx += x * x;
    m.xy += x * y;
    m.yy += y * y;
    m.dot += x * u + y * v;
    m.cross += x * v - y * u;
  }
  return m;
}

/* Product of the squared spreads along and across the main direction by the square of their sum:
 * the landmarks' grid of 1/256 pixel makes points on a line differ from it a little. */
static int on_a_line(const moments *m, int shift) {
  const int64_t xx = shifted(m->xx, shift), xy = shifted(m->xy, shift), yy = shifted(m->yy, shift);
  return xx * yy - xy * xy <= (xx + yy) * (xx + yy) / LINE_SHARE;
}

pv_status pv_placement_fit(const int32_t landmarks[2 * PV_LANDMARKS],
                           const int32_t reference[2 * PV_LANDMARKS], pv_placement *placement) {
  if (landmarks == NULL || reference == NULL || placement == NULL) return PV_ERR_ARGUMENT;
  for (int i = 0; i < 2 * PV_LANDMARKS; i++) {
    if (landmarks[i] < -MAX_LANDMARK || landmarks[i] > MAX_LANDMARK ||
        reference[i] < -MAX_REFERENCE || reference[i] > MAX_REFERENCE) {
      return PV_ERR_NOT_FINITE;
    }
  }
  const moments m = measure(landmarks, reference);
  const int64_t spread = m.xx + m.yy;
  const int64_t larger = magnitude(m.dot) > magnitude(m.cross) ? m.dot : m.cross;
  const int spread_shift = bits_of(spread) - BITS, shift = bits_of(larger) - BITS;
  if (spread == 0 || larger == 0 || on_a_line(&m, spread_shift)) return PV_ERR_DEGENERATE;

  /* a = dot / spread and b = cross / spread take the frame to the input. Of the way back this is
   * a / (a a + b b) and -b / (a a + b b), with factors of 30 bits instead of fractions. */
  const int64_t dot = shifted(m.dot, shift), cross = shifted(m.cross, shift);
  const int64_t square = (dot * dot + cross * cross) >> BITS;
  const int64_t length = shifted(spread, spread_shift);
  const int64_t a = dot * length / square, b = cross * length / square;
  /* 2^8 between the units of landmarks and references, 2^32 of the result, 2^-30 of `square`. */
  const int up = spread_shift - shift + 8 + 32 - BITS;
  if (bits_of(magnitude(a) > magnitude(b) ? a : b) + up > MAX_RIGHT_BITS) {
    return PV_ERR_DEGENERATE;
  }
  placement->right_x = shifted(a, -up);
  placement->right_y = -shifted(b, -up);

  /* The mean reference point lies on the mean landmark. 24 fractional bits of a step are enough. */
  const int64_t step_x = shifted(placement->right_x, 8), step_y = shifted(placement->right_y, 8);
  const int64_t back_x = (step_x * m.to[0] - step_y * m.to[1]) / PV_LANDMARKS;
  const int64_t back_y = (step_y * m.to[0] + step_x * m.to[1]) / PV_LANDMARKS;
  placement->x = m.from[0] * (INT64_C(1) << 24) / PV_LANDMARKS - shifted(back_x, 8);
  placement->y = m.from[1] * (INT64_C(1) << 24) / PV_LANDMARKS - shifted(back_y, 8);
  return PV_OK;
}
