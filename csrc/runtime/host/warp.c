/* Similarity from landmarks, and the bilinear warp that aligns a face. */
#include <math.h>
#include <string.h>

#include "pocketvision/preprocess.h"

/* Points whose spread across their main direction is below this share of the spread along it lie on
 * one line for all purposes: a face that is seen from the side still has some hundredths. */
#define LINE_RATIO 1e-4
#define MAX_COORDINATE 1e7

pv_status pv_similarity_fit(const double *from, const double *to, size_t count,
                            pv_similarity *result) {
  if (from == NULL || to == NULL || result == NULL || count < 2) return PV_ERR_ARGUMENT;
  double mean[4] = {0, 0, 0, 0};
  for (size_t i = 0; i < count; i++) {
    const double values[4] = {from[2 * i], from[2 * i + 1], to[2 * i], to[2 * i + 1]};
    for (int k = 0; k < 4; k++) {
      /* Written so that a NaN fails too. */
      if (!(fabs(values[k]) <= MAX_COORDINATE)) return PV_ERR_NOT_FINITE;
      mean[k] += values[k] / (double)count;
    }
  }
  double xx = 0, xy = 0, yy = 0, dot = 0, cross = 0;
  for (size_t i = 0; i < count; i++) {
    const double x = from[2 * i] - mean[0], y = from[2 * i + 1] - mean[1];
    const double u = to[2 * i] - mean[2], v = to[2 * i + 1] - mean[3];
    xx += x * x;
    xy += x * y;
    yy += y * y;
    dot += x * u + y * v;
    cross += x * v - y * u;
  }
  const double spread = xx + yy;
  /* Eigenvalues of the scatter matrix are the squared spreads along and across. */
  const double across = 0.5 * (spread - hypot(xx - yy, 2 * xy));
  if (!(spread > 1e-9) || !(across > LINE_RATIO * LINE_RATIO * spread)) {
    return PV_ERR_DEGENERATE;
  }
  result->a = dot / spread;
  result->b = cross / spread;
  result->tx = mean[2] - (result->a * mean[0] - result->b * mean[1]);
  result->ty = mean[3] - (result->b * mean[0] + result->a * mean[1]);
  if (!(hypot(result->a, result->b) > 1e-6)) return PV_ERR_DEGENERATE;
  return PV_OK;
}

/* Adds `weight` times the pixel at (x, y), or black where there is none. */
static void add_pixel(const pv_picture *picture, double x, double y, float weight, float sum[3]) {
  if (x < 0 || y < 0 || x >= (double)picture->width || y >= (double)picture->height) return;
  const uint8_t *pixel = picture->pixels + ((size_t)y * picture->width + (size_t)x) * 3;
  for (int channel = 0; channel < 3; channel++) sum[channel] += weight * (float)pixel[channel];
}

static void sample(const pv_picture *picture, double x, double y, uint8_t *out) {
  const double left = floor(x), top = floor(y);
  const float right_share = (float)(x - left), bottom_share = (float)(y - top);
  float sum[3] = {0.5f, 0.5f, 0.5f}; /* truncation then rounds to nearest */
  add_pixel(picture, left, top, (1 - right_share) * (1 - bottom_share), sum);
  add_pixel(picture, left + 1, top, right_share * (1 - bottom_share), sum);
  add_pixel(picture, left, top + 1, (1 - right_share) * bottom_share, sum);
  add_pixel(picture, left + 1, top + 1, right_share * bottom_share, sum);
  for (int channel = 0; channel < 3; channel++) {
    out[channel] = (uint8_t)(sum[channel] < 255.0f ? sum[channel] : 255.0f);
  }
}

pv_status pv_warp(const pv_picture *picture, const pv_similarity *to_crop, uint8_t *crop,
                  size_t height, size_t width) {
  if (picture == NULL || picture->pixels == NULL || to_crop == NULL || crop == NULL) {
    return PV_ERR_ARGUMENT;
  }
  const size_t sides[4] = {picture->height, picture->width, height, width};
  for (int i = 0; i < 4; i++) {
    if (sides[i] == 0 || sides[i] > PV_MAX_SIDE) return PV_ERR_ARGUMENT;
  }
  const double square = to_crop->a * to_crop->a + to_crop->b * to_crop->b;
  const double a = to_crop->a / square, b = to_crop->b / square;
  if (!isfinite(a) || !isfinite(b) || !isfinite(to_crop->tx) || !isfinite(to_crop->ty)) {
    return PV_ERR_NOT_FINITE;
  }
  for (size_t row = 0; row < height; row++) {
    for (size_t column = 0; column < width; column++) {
      const double u = (double)column - to_crop->tx, v = (double)row - to_crop->ty;
      sample(picture, a * u + b * v, a * v - b * u, crop + (row * width + column) * 3);
    }
  }
  return PV_OK;
}
