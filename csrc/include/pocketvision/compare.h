/* Embeddings as float vectors: from a model's output, their cosine, and the nearest of many. */
#ifndef POCKETVISION_COMPARE_H
#define POCKETVISION_COMPARE_H

#include <stddef.h>
#include <stdint.h>

#include "pocketvision/model.h"
#include "pocketvision/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* out[i] = scale * (stored[i] - zero_point) for all elements of `tensor`. */
pv_status pv_dequantise(const pv_tensor *tensor, const void *stored, float *out);

/* Scales `vector` to Euclidean length 1; PV_ERR_ZERO_NORM when it has none. */
pv_status pv_l2_normalise(float *vector, size_t count);

/* Cosine of the angle between `a` and `b`, -1 to 1, summed in double precision. */
pv_status pv_cosine(const float *a, const float *b, size_t count, float *result);

/* The `k` rows of `gallery` (rows x count, unit norm) with the largest dot product with `query`
 * (unit norm), best first; equal scores keep the order of the rows. 1 <= k <= rows. */
pv_status pv_top_k(const float *query, const float *gallery, size_t rows, size_t count, size_t k,
                   int64_t *indices, float *scores);

#ifdef __cplusplus
}
#endif

#endif
