/* Bilinear sampling of a camera's frame into a model's input, in integers. */
#include "pocketvision/frame.h"

#define FRACTION 11                              /* bits of a position between two pixels */
#define ONE (UINT32_C(1) << FRACTION)            /* a whole pixel */
#define HALF (UINT32_C(1) << (2 * FRACTION - 1)) /* truncation then rounds to nearest */
#define MAX_ORIGIN (INT64_C(1) << 56)            /* 2^24 pixels, in 2^-32 of one */
#define MAX_RIGHT (INT64_C(1) << 38)

/* Every function that takes a format is inlined where it is constant: one loop per format. */
#define INLINE static inline __attribute__((always_inline))

INLINE uint32_t pixel_bytes(pv_pixel_format format) {
  if (format == PV_PIXEL_GREY8) return 1;
  return format == PV_PIXEL_RGB888 || format == PV_PIXEL_BGR888 ? 3 : 2;
}

INLINE int is_yuv(pv_pixel_format format) {
  return format == PV_PIXEL_YUYV || format == PV_PIXEL_UYVY;
}

/* A colour of 8 fractional bits, rounded; what is beyond a byte saturates. */
INLINE uint32_t byte_of(int32_t value) {
  return value < 0 ? 0 : value >= 255 << 8 ? 255 : (uint32_t)(value + 128) >> 8;
}

/* ITU-R BT.601 with luma from 16 to 235, as cameras send it. `at`: the pixel's own two bytes; those
 * of the pair's other pixel hold the other half of the colour. */
INLINE void add_yuv(const uint8_t *at, pv_pixel_format format, uint32_t odd, uint32_t weight,
                    uint32_t sum[3]) {
  const uint8_t *pair = odd ? at - 2 : at;
  const int swapped = format == PV_PIXEL_UYVY;
  const int32_t luma = 298 * ((int32_t)at[swapped] - 16);
  const int32_t u = (int32_t)pair[swapped ? 0 : 1] - 128, v = (int32_t)pair[swapped ? 2 : 3] - 128;
  sum[0] += weight * byte_of(luma + 409 * v);
  sum[1] += weight * byte_of(luma - 100 * u - 208 * v);
  sum[2] += weight * byte_of(luma + 516 * u);
}

/* Adds `weight` times the pixel at `at` to the sums of red, green and blue; of grey to one. `odd`:
 * the pixel's column, of which the last bit counts. */
INLINE void add_pixel(const uint8_t *at, pv_pixel_format format, uint32_t odd, uint32_t weight,
                      uint32_t sum[3]) {
  if (format == PV_PIXEL_GREY8) {
    sum[0] += weight * at[0];
  } else if (format == PV_PIXEL_RGB888 || format == PV_PIXEL_BGR888) {
    const int blue_first = format == PV_PIXEL_BGR888;
    sum[0] += weight * at[blue_first ? 2 : 0];
    sum[1] += weight * at[1];
    sum[2] += weight * at[blue_first ? 0 : 2];
  } else if (is_yuv(format)) {
    add_yuv(at, format, odd & 1, weight, sum);
  } else {
    const uint32_t low = at[format == PV_PIXEL_RGB565_BE], high = at[format == PV_PIXEL_RGB565_LE];
    const uint32_t value = high << 8 | low;
    const uint32_t red = value >> 11, green = value >> 5 & 63, blue = value & 31;
    sum[0] += weight * (red << 3 | red >> 2);
    sum[1] += weight * (green << 2 | green >> 4);
    sum[2] += weight * (blue << 3 | blue >> 2);
  }
}

/* Sums of 30 bits at a position in 2^-32 of a pixel. */
INLINE void sample(const pv_frame *frame, pv_pixel_format format, uint64_t x, uint64_t y,
                   uint32_t sum[3]) {
  /* As unsigned numbers, so that what lies left of or above the frame is beyond it too. */
  const uint32_t left = (uint32_t)(x >> 32), top = (uint32_t)(y >> 32);
  const uint32_t right_share = (uint32_t)x >> (32 - FRACTION);
  const uint32_t bottom_share = (uint32_t)y >> (32 - FRACTION);
  const uint32_t bottom_right = right_share * bottom_share;
  const uint32_t bottom_left = bottom_share * ONE - bottom_right;
  const uint32_t top_right = right_share * ONE - bottom_right;
  const uint32_t top_left = ONE * ONE - bottom_share * ONE - top_right;
  sum[0] = sum[1] = sum[2] = HALF;
  if (left < frame->width - 1 && top < frame->height - 1) {
    const uint8_t *at =
        frame->pixels + (size_t)top * frame->stride + (size_t)left * pixel_bytes(format);
    const uint8_t *below = at + frame->stride;
    add_pixel(at, format, left, top_left, sum);
    add_pixel(at + pixel_bytes(format), format, left + 1, top_right, sum);
    add_pixel(below, format, left, bottom_left, sum);
    add_pixel(below + pixel_bytes(format), format, left + 1, bottom_right, sum);
    return;
  }
  const uint32_t weights[4] = {top_left, top_right, bottom_left, bottom_right};
  for (uint32_t corner = 0; corner < 4; corner++) {
    const uint32_t column = left + (corner & 1), row = top + (corner >> 1);
    if (column >= frame->width || row >= frame->height) continue;
    add_pixel(frame->pixels + (size_t)row * frame->stride + (size_t)column * pixel_bytes(format),
              format, column, weights[corner], sum);
  }
}

INLINE void sample_all(const pv_frame *source, pv_pixel_format format,
                       const pv_placement *placement, const pv_pixel_tables *tables,
                       uint32_t height, uint32_t width, uint8_t *out) {
  const pv_frame copy = *source, *frame = &copy; /* which no byte that is written can change */
  /* Unsigned, as their sums may pass through zero. */
  const uint64_t right_x = (uint64_t)placement->right_x, right_y = (uint64_t)placement->right_y;
  const int grey = format == PV_PIXEL_GREY8;
  const size_t first = grey ? 0 : tables->source[0], second = grey ? 0 : tables->source[1];
  const size_t third = grey ? 0 : tables->source[2];
  for (uint32_t row = 0; row < height; row++) {
    uint64_t x = (uint64_t)placement->x - row * right_y;
    uint64_t y = (uint64_t)placement->y + row * right_x;
    for (uint32_t column = 0; column < width; column++, x += right_x, y += right_y, out += 3) {
      uint32_t sum[3];
      sample(frame, format, x, y, sum);
      out[0] = tables->value[0][sum[first] >> (2 * FRACTION)];
      out[1] = tables->value[1][sum[second] >> (2 * FRACTION)];
      out[2] = tables->value[2][sum[third] >> (2 * FRACTION)];
    }
  }
}

static pv_status check_frame(const pv_frame *frame) {
  if (frame->format < PV_PIXEL_GREY8 || frame->format > PV_PIXEL_LAST) return PV_ERR_FRAME;
  if (is_yuv(frame->format) && frame->width % 2 != 0) return PV_ERR_FRAME;
  if (frame->pixels == NULL || frame->width == 0 || frame->width > PV_MAX_FRAME_SIDE ||
      frame->height == 0 || frame->height > PV_MAX_FRAME_SIDE) {
    return PV_ERR_FRAME;
  }
  const uint32_t row = frame->width * pixel_bytes(frame->format);
  const uint64_t needed = (uint64_t)frame->stride * (frame->height - 1) + row;
  return frame->stride < row || needed > frame->bytes ? PV_ERR_FRAME : PV_OK;
}

static int outside(int64_t value, int64_t limit) { return value < -limit || value > limit; }

pv_status pv_frame_to_input(const pv_frame *frame, const pv_placement *placement,
                            const pv_pixel_tables *tables, uint32_t height, uint32_t width,
                            void *input) {
  if (frame == NULL || placement == NULL || tables == NULL || input == NULL || height == 0 ||
      height > PV_MAX_INPUT_SIDE || width == 0 || width > PV_MAX_INPUT_SIDE ||
      outside(placement->x, MAX_ORIGIN) || outside(placement->y, MAX_ORIGIN) ||
      outside(placement->right_x, MAX_RIGHT) || outside(placement->right_y, MAX_RIGHT)) {
    return PV_ERR_ARGUMENT;
  }
  for (int channel = 0; channel < 3; channel++) {
    if (tables->source[channel] > 2) return PV_ERR_ARGUMENT;
  }
  const pv_status status = check_frame(frame);
  if (status != PV_OK) return status;
  uint8_t *out = (uint8_t *)input;
  switch (frame->format) {
    case PV_PIXEL_GREY8:
      sample_all(frame, PV_PIXEL_GREY8, placement, tables, height, width, out);
      break;
    case PV_PIXEL_RGB888:
      sample_all(frame, PV_PIXEL_RGB888, placement, tables, height, width, out);
      break;
    case PV_PIXEL_RGB565_LE:
      sample_all(frame, PV_PIXEL_RGB565_LE, placement, tables, height, width, out);
      break;
    case PV_PIXEL_RGB565_BE:
      sample_all(frame, PV_PIXEL_RGB565_BE, placement, tables, height, width, out);
      break;
    case PV_PIXEL_BGR888:
      sample_all(frame, PV_PIXEL_BGR888, placement, tables, height, width, out);
      break;
    case PV_PIXEL_YUYV:
      sample_all(frame, PV_PIXEL_YUYV, placement, tables, height, width, out);
      break;
    case PV_PIXEL_UYVY:
      sample_all(frame, PV_PIXEL_UYVY, placement, tables, height, width, out);
      break;
  }
  return PV_OK;
}
