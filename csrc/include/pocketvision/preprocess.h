/* From photographs to a model's input: similarity warp of a face, then one table per channel. */
#ifndef POCKETVISION_PREPROCESS_H
#define POCKETVISION_PREPROCESS_H

#include <stddef.h>
#include <stdint.h>

#include "pocketvision/model.h"
#include "pocketvision/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Largest side of a picture or crop in pixels. */
#define PV_MAX_SIDE (1 << 20)

/* An interleaved 8-bit picture of three channels, rows dense: height x width x 3 bytes. */
typedef struct pv_picture {
  const uint8_t *pixels;
  size_t height;
  size_t width;
} pv_picture;

/* x' = a x - b y + tx, y' = b x + a y + ty: rotation, uniform scale and shift, in pixels. */
typedef struct pv_similarity {
  double a, b, tx, ty;
} pv_similarity;

/* For each channel of the model's input: which channel of the pixel feeds it, and the byte that
 * each of its 256 values becomes (the bit pattern of an int8 or an uint8). */
typedef struct pv_pixel_tables {
  uint8_t source[3];
  uint8_t value[3][256];
} pv_pixel_tables;

/* Least-squares similarity that takes `from` to `to` (Umeyama 1991, without reflection).
 * `from` and `to`: `count` >= 2 points x, y in pixels; pixel centres have integer coordinates.
 * PV_ERR_NOT_FINITE for NaN or infinity; PV_ERR_DEGENERATE where `from` coincides or lies on one
 * line, or where the best scale is zero. */
pv_status pv_similarity_fit(const double *from, const double *to, size_t count,
                            pv_similarity *result);

/* Samples `picture` into `crop` (height x width x 3, dense): `to_crop` takes picture coordinates to
 * crop coordinates. Bilinear; what lies outside the picture is black. */
pv_status pv_warp(const pv_picture *picture, const pv_similarity *to_crop, uint8_t *crop,
                  size_t height, size_t width);

/* Tables of stored = saturate(round_half_even(((pixel - mean) / std) / scale) + zero_point) in
 * float32, which is what ONNX QuantizeLinear computes. `mean`, `std`: per channel of the model's
 * input. `reversed`: the model's channels are those of the pixel in the opposite order (BGR). */
pv_status pv_pixel_tables_init(pv_pixel_tables *tables, const pv_tensor *input, const float mean[3],
                               const float std[3], int reversed);

/* Writes `count` pixels of three bytes as the model's input. */
void pv_pixels_to_input(const pv_pixel_tables *tables, const uint8_t *pixels, size_t count,
                        void *input);

#ifdef __cplusplus
}
#endif

#endif
