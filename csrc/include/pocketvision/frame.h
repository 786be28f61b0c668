/* From a camera's frame and five landmarks straight to a model's input, in integers only: the same
 * bytes on every core and host, whatever the compiler's flags. Nothing here needs libm. */
#ifndef POCKETVISION_FRAME_H
#define POCKETVISION_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "pocketvision/preprocess.h"
#include "pocketvision/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PV_MAX_FRAME_SIDE 16384 /* pixels */
#define PV_MAX_INPUT_SIDE 4096
#define PV_LANDMARKS 5
#define PV_LANDMARK_UNIT 256    /* a landmark's units per pixel */
#define PV_REFERENCE_UNIT 65536 /* a reference point's units per pixel */

/* How a pixel lies in memory, by ascending address. */
typedef enum pv_pixel_format {
  PV_PIXEL_GREY8 = 1,  /* one byte, which feeds all three colours */
  PV_PIXEL_RGB888 = 2, /* red, green, blue: three bytes */
  PV_PIXEL_RGB565_LE =
      3, /* 16 bits, red in the upper five, blue in the lower five; low byte first */
  PV_PIXEL_RGB565_BE = 4, /* the same, high byte first, as most cameras send it */
  PV_PIXEL_BGR888 = 5,    /* blue, green, red: three bytes */
  PV_PIXEL_YUYV = 6, /* YUV422: luma, U, luma, V of two pixels, BT.601 from 16; an even width */
  PV_PIXEL_UYVY = 7  /* the same as U, luma, V, luma */
} pv_pixel_format;
#define PV_PIXEL_LAST PV_PIXEL_UYVY

/* Borrows `pixels`, which need no alignment, for the time of a call. Row y starts at
 * `pixels + y * stride`; bytes between rows are never read. */
typedef struct pv_frame {
  const uint8_t *pixels;
  size_t bytes; /* that may be read: at least stride * (height - 1) and one row */
  pv_pixel_format format;
  uint32_t width;  /* 1 to PV_MAX_FRAME_SIDE pixels */
  uint32_t height; /* the same */
  uint32_t stride; /* bytes from a row to the next, at least those of a row */
} pv_frame;

/* Where the input's pixels lie in the frame, in 2^-32 of a pixel: that of column u and row v at
 * (x + u * right_x - v * right_y, y + u * right_y + v * right_x). */
typedef struct pv_placement {
  int64_t x, y;
  int64_t right_x, right_y;
} pv_placement;

/* Rounds five points x, y in pixels, as a detector gives them, to the grid of landmarks. Pixel
 * centres have integer coordinates. PV_ERR_NOT_FINITE for NaN and for more than PV_MAX_FRAME_SIDE
 * to either side of the origin. */
pv_status pv_landmarks_from_pixels(const float pixels[2 * PV_LANDMARKS],
                                   int32_t landmarks[2 * PV_LANDMARKS]);

/* Least-squares similarity (Umeyama 1991, without reflection) between `landmarks`, x, y in 1/256 of
 * a pixel of the frame, and `reference`, in 1/65536 of a pixel of the input.
 * PV_ERR_NOT_FINITE for coordinates beyond PV_MAX_FRAME_SIDE or, of a reference,
 * PV_MAX_INPUT_SIDE. PV_ERR_DEGENERATE where either set coincides, the landmarks lie within 1/1000
 * of a line, or a pixel of the input would take 64 of the frame. */
pv_status pv_placement_fit(const int32_t landmarks[2 * PV_LANDMARKS],
                           const int32_t reference[2 * PV_LANDMARKS], pv_placement *placement);

/* Samples `frame` into `input`, height x width x 3 bytes that do not overlap it, through `tables`:
 * bilinear with weights of 22 bits, rounded to nearest, black outside. RGB565 is widened by
 * repeating the upper bits; of YUV422 each pixel is made red, green and blue first.
 *
 * The pixels before the tables are those of pv_warp(), which samples in floating point, but for
 * the rounding of landmarks to 1/256 pixel and of weights: at most 1 of 255 apart where landmarks
 * are on the grid, and equal in more than 99 of 100 bytes (tests/csrc/test_frame.py).
 *
 * PV_ERR_FRAME for a frame that is impossible, PV_ERR_ARGUMENT for a null pointer, a side of the
 * input outside 1 to PV_MAX_INPUT_SIDE or a placement that no fit gives. Needs no memory of its
 * own but a stack of about 200 bytes. */
pv_status pv_frame_to_input(const pv_frame *frame, const pv_placement *placement,
                            const pv_pixel_tables *tables, uint32_t height, uint32_t width,
                            void *input);

#ifdef __cplusplus
}
#endif

#endif
