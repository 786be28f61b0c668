/* A face as int8 values of unit length up to a factor, and how alike two are, in integers only.
 *
 * Of an output c = stored - zero_point: t[i] = round(127 * c[i] / max |c|), halves away from zero,
 * so the largest magnitude is 127 and each value is off by at most half a unit. Over 2,000 faces of
 * LFW and facechain-25m the cosine of t with c is at least 0.9999; scores of their two million
 * pairs are within 0.0053 of those of floats, half of them within 0.0006
 * (tests/firmware/test_lfw.py).
 */
#ifndef POCKETVISION_TEMPLATE_H
#define POCKETVISION_TEMPLATE_H

#include <stdint.h>

#include "pocketvision/model.h"
#include "pocketvision/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Most values of a template. */
#define PV_MAX_DIMENSION 4096

/* A score of 1, which is the cosine of equal directions. */
#define PV_SCORE_ONE 32768

/* Writes as many values as `output`, the model's, has bytes. `result` may be `stored`.
 * PV_ERR_ZERO_NORM when all values are zero, PV_ERR_TENSOR for more than PV_MAX_DIMENSION. */
pv_status pv_template_make(const pv_tensor *output, const void *stored, int8_t *result);

/* Cosine of `a` and `b`, -PV_SCORE_ONE to PV_SCORE_ONE, to nearest: within 0.501 of
 * dot(a, b) / sqrt(dot(a, a) * dot(b, b)) * PV_SCORE_ONE. `count`: 1 to PV_MAX_DIMENSION.
 * PV_ERR_ZERO_NORM when one is all zeros. */
pv_status pv_template_score(const int8_t *a, const int8_t *b, uint32_t count, int32_t *score);

#ifdef __cplusplus
}
#endif

#endif
