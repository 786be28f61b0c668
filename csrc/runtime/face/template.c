/* Templates of faces: scaling to int8, and their cosine with an integer square root. */
#include "pocketvision/template.h"

#include <stddef.h>

#include "pocketvision/session.h"

#define LARGEST 127
#define ROOT_BITS 60 /* of a square, so that its root has 30 */

static int32_t centred(const pv_tensor *tensor, const void *stored, size_t index) {
  const int32_t value = tensor->dtype == PV_DTYPE_INT8 ? ((const int8_t *)stored)[index]
                                                       : ((const uint8_t *)stored)[index];
  return value - tensor->zero_point;
}

pv_status pv_template_make(const pv_tensor *output, const void *stored, int8_t *result) {
  if (output == NULL || stored == NULL || result == NULL) return PV_ERR_ARGUMENT;
  const size_t count = pv_tensor_bytes(output);
  if (output->dtype == PV_DTYPE_FLOAT32 || count == 0 || count > PV_MAX_DIMENSION)
    return PV_ERR_TENSOR;
  int32_t largest = 0;
  for (size_t i = 0; i < count; i++) {
    const int32_t value = centred(output, stored, i), size = value < 0 ? -value : value;
    if (size > largest) largest = size;
  }
  if (largest == 0) return PV_ERR_ZERO_NORM;
  for (size_t i = 0; i < count; i++) {
    const int32_t value = centred(output, stored, i), size = value < 0 ? -value : value;
    const int32_t rounded = (2 * LARGEST * size + largest) / (2 * largest);
    result[i] = (int8_t)(value < 0 ? -rounded : rounded);
  }
  return PV_OK;
}

/* The largest integer whose square is not above `value`, of ROOT_BITS + 2: a bit at a time. */
static uint32_t root(uint64_t value) {
  uint64_t rest = value, result = 0;
  for (uint64_t bit = UINT64_C(1) << ROOT_BITS; bit != 0; bit >>= 2) {
    const uint64_t trial = result + bit;
    result >>= 1;
    if (rest >= trial) {
      rest -= trial;
      result += bit;
    }
  }
  return (uint32_t)result;
}

pv_status pv_template_score(const int8_t *a, const int8_t *b, uint32_t count, int32_t *score) {
  if (a == NULL || b == NULL || score == NULL || count == 0 || count > PV_MAX_DIMENSION) {
    return PV_ERR_ARGUMENT;
  }
  int32_t dot = 0, aa = 0, bb = 0; /* below 2^26 */
  for (uint32_t i = 0; i < count; i++) {
    dot += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  if (aa == 0 || bb == 0) return PV_ERR_ZERO_NORM;
  uint64_t square = (uint64_t)aa * (uint64_t)bb; /* below 2^52 */
  int shift = 0;                                 /* of its root */
  for (; square < UINT64_C(1) << ROOT_BITS; square <<= 2) shift++;
  const int64_t length = root(square);
  const int64_t size = dot < 0 ? -(int64_t)dot : dot;
  int32_t result = (int32_t)(((size * PV_SCORE_ONE << (shift + 1)) + length) / (2 * length));
  if (result > PV_SCORE_ONE) result = PV_SCORE_ONE; /* the root is rounded down */
  *score = dot < 0 ? -result : result;
  return PV_OK;
}
