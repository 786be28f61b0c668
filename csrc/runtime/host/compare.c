/* Dequantisation, normalisation, cosine and top-k of embeddings. */
#include "pocketvision/compare.h"

#include <math.h>

#include "pocketvision/session.h"

pv_status pv_dequantise(const pv_tensor *tensor, const void *stored, float *out) {
  if (tensor == NULL || stored == NULL || out == NULL) return PV_ERR_ARGUMENT;
  if (tensor->dtype == PV_DTYPE_FLOAT32) return PV_ERR_TENSOR;
  const size_t count = pv_tensor_bytes(tensor);
  if (tensor->dtype == PV_DTYPE_INT8) {
    const int8_t *values = (const int8_t *)stored;
    for (size_t i = 0; i < count; i++) {
      out[i] = tensor->scale * (float)(values[i] - tensor->zero_point);
    }
  } else {
    const uint8_t *values = (const uint8_t *)stored;
    for (size_t i = 0; i < count; i++) {
      out[i] = tensor->scale * (float)((int32_t)values[i] - tensor->zero_point);
    }
  }
  return PV_OK;
}

/* Four partial sums: a single chain of additions would wait for each result. */
static double dot_double(const float *a, const float *b, size_t count) {
  double sums[4] = {0, 0, 0, 0};
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (size_t lane = 0; lane < 4; lane++) {
      sums[lane] += (double)a[i + lane] * (double)b[i + lane];
    }
  }
  for (; i < count; i++) sums[0] += (double)a[i] * (double)b[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

pv_status pv_l2_normalise(float *vector, size_t count) {
  if (vector == NULL || count == 0) return PV_ERR_ARGUMENT;
  const double square = dot_double(vector, vector, count);
  if (!isfinite(square)) return PV_ERR_NOT_FINITE;
  if (!(square > 0)) return PV_ERR_ZERO_NORM;
  const double inverse = 1.0 / sqrt(square);
  for (size_t i = 0; i < count; i++) vector[i] = (float)((double)vector[i] * inverse);
  return PV_OK;
}

pv_status pv_cosine(const float *a, const float *b, size_t count, float *result) {
  if (a == NULL || b == NULL || result == NULL || count == 0) return PV_ERR_ARGUMENT;
  const double dot = dot_double(a, b, count);
  const double squares = dot_double(a, a, count) * dot_double(b, b, count);
  if (!isfinite(dot) || !isfinite(squares)) return PV_ERR_NOT_FINITE;
  if (!(squares > 0)) return PV_ERR_ZERO_NORM;
  const double cosine = dot / sqrt(squares);
  *result = (float)(cosine > 1 ? 1 : cosine < -1 ? -1 : cosine);
  return PV_OK;
}

pv_status pv_top_k(const float *query, const float *gallery, size_t rows, size_t count, size_t k,
                   int64_t *indices, float *scores) {
  if (query == NULL || gallery == NULL || indices == NULL || scores == NULL) {
    return PV_ERR_ARGUMENT;
  }
  if (count == 0 || k == 0 || k > rows) return PV_ERR_ARGUMENT;
  size_t held = 0;
  for (size_t row = 0; row < rows; row++) {
    const float score = (float)dot_double(query, gallery + row * count, count);
    if (!isfinite(score)) return PV_ERR_NOT_FINITE;
    if (held == k && !(score > scores[k - 1])) continue;
    size_t place = held < k ? held++ : k - 1;
    for (; place > 0 && score > scores[place - 1]; place--) {
      scores[place] = scores[place - 1];
      indices[place] = indices[place - 1];
    }
    scores[place] = score;
    indices[place] = (int64_t)row;
  }
  return PV_OK;
}
