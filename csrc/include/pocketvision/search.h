/* Exact search among up to millions of int8 templates on a host, where they lie in memory.
 *
 * Same scores, same order and same ties as pv_gallery_search(), which is slower: here the dot
 * products are this processor's (AVX512-VNNI, AVX2 or plain C), and only rows whose cosine can
 * reach the best `k` are scored by pv_template_score(). Nothing is allocated.
 */
#ifndef POCKETVISION_SEARCH_H
#define POCKETVISION_SEARCH_H

#include <stddef.h>
#include <stdint.h>

#include "pocketvision/gallery.h"
#include "pocketvision/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Rows of templates; borrows the memory, which must neither go nor change meanwhile. In a gallery's
 * file the templates are PV_GALLERY_NAME_BYTES + dimension bytes apart. */
typedef struct pv_templates {
  const int8_t *first;
  size_t stride; /* bytes from one template to the next, at least `dimension` */
  uint32_t count;
  uint32_t dimension;   /* 1 to PV_MAX_DIMENSION */
  const float *inverse; /* of each row, as pv_templates_measure() writes it */
} pv_templates;

/* Writes 1 / length of each of `rows->count` templates; `rows->inverse` is not read.
 * PV_ERR_ZERO_NORM where one is all zeros: `row` receives which. PV_ERR_ARGUMENT for null pointers
 * and sizes out of range. */
pv_status pv_templates_measure(const pv_templates *rows, float *inverse, uint32_t *row);

/* For each of `count` probes, one behind the other, the `k` templates that are most like it, best
 * first, equal scores in the order of rows: `matches` has room for count x k, 1 <= k <= rows.
 * Several probes share the reading of the rows. `features`: of PV_FEATURE_..., such as
 * pv_host_features(), which says what this processor has; fewer give the same answer more slowly.
 * PV_ERR_ZERO_NORM for a probe of zeros; `row` receives which. */
pv_status pv_templates_search(const pv_templates *rows, const int8_t *probes, uint32_t count,
                              uint32_t k, uint32_t features, pv_match *matches, uint32_t *row);

#ifdef __cplusplus
}
#endif

#endif
