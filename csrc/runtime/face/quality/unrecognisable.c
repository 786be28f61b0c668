/* What a template says of its own quality: how far it lies where unrecognisable faces gather. */
#include <stddef.h>

#include "pocketvision/quality.h"

/* Twice: of strangers that are spoilt alike the shares are alike too, and the cosine of two unit
 * vectors is at most their common part and what is left of both. The figure was chosen with the
 * directions (training/quality/unrecognisable.py). */
#define MARGIN_PER_SHARE 2
#define PER_UNIT (PV_SCORE_ONE / PV_QUALITY_MARGIN_ONE)

/* Of a template's square, of PV_SCORE_ONE: dot^2 / (row^2 * square), both below 2^26. */
static pv_status share_along(const int8_t *row, const int8_t *face, uint32_t dimension,
                             int64_t square, int32_t *share) {
  int64_t dot = 0, length = 0;
  for (uint32_t i = 0; i < dimension; i++) {
    dot += row[i] * face[i];
    length += row[i] * row[i];
  }
  if (length == 0) return PV_ERR_ZERO_NORM;
  *share = (int32_t)(dot * dot / length * PV_SCORE_ONE / square);
  return PV_OK;
}

pv_status pv_quality_see_template(pv_quality *quality, const int8_t *face, uint32_t dimension,
                                  const pv_unrecognisable *known) {
  if (quality == NULL || face == NULL || known == NULL || dimension == 0 ||
      dimension > PV_MAX_DIMENSION) {
    return PV_ERR_ARGUMENT;
  }
  int64_t square = 0;
  for (uint32_t i = 0; i < dimension; i++) square += face[i] * face[i];
  if (square == 0) return PV_ERR_ZERO_NORM;
  int32_t beyond = -known->level;
  for (uint32_t row = 0; known->directions != NULL && row < known->count; row++) {
    int32_t share;
    const pv_status status =
        share_along(known->directions + (size_t)row * dimension, face, dimension, square, &share);
    if (status != PV_OK) return status;
    beyond += share;
  }
  const int32_t margin = MARGIN_PER_SHARE * beyond / PER_UNIT;
  if (margin > quality->margin) quality->margin = (uint16_t)margin;
  if (quality->margin > PV_QUALITY_MOST_MARGIN) quality->reasons |= PV_QUALITY_ALIKE;
  return PV_OK;
}
