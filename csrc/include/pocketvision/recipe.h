/* What a firmware knows of a model's record: how a frame becomes its input, and what scores mean.
 *
 * The compiler writes one constant pv_recipe into the header of a compiled model whose record has
 * an alignment template, so that nobody types it twice and nothing parses JSON. */
#ifndef POCKETVISION_RECIPE_H
#define POCKETVISION_RECIPE_H

#include <stdint.h>

#include "pocketvision/frame.h"
#include "pocketvision/preprocess.h"
#include "pocketvision/status.h"
#include "pocketvision/template.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A rate of 1 in pv_threshold: every pair of different people is accepted. */
#define PV_FAR_ONE UINT32_C(1000000000)

/* A calibrated threshold. Its rate is that of one comparison: among N enrolled templates a stranger
 * is taken for one of them up to N times as often. */
typedef struct pv_threshold {
  int32_t score;       /* of PV_SCORE_ONE */
  uint32_t far;        /* of PV_FAR_ONE: share of pairs of different people that reach `score` */
  const char *dataset; /* on which that was measured */
} pv_threshold;

/* Where a model's embeddings gather of faces that it cannot recognise (the unrecognisable identity:
 * S. Deng et al., Harnessing Unrecognizable Faces for Improving Face Recognition, WACV 2023). Two
 * templates that lie there are like each other for that alone. */
typedef struct pv_unrecognisable {
  const int8_t *directions; /* rows of the template's length, at right angles; null for none */
  uint32_t count;           /* of the rows */
  int32_t level;            /* of PV_SCORE_ONE: share of its square that a clean face has there */
} pv_unrecognisable;

/* Everything has static storage duration. */
typedef struct pv_recipe {
  pv_pixel_tables tables;
  int32_t reference[2 * PV_LANDMARKS]; /* the alignment template, for pv_placement_fit() */
  const pv_threshold *thresholds;      /* in the record's order; null where there are none */
  uint32_t threshold_count;
  pv_unrecognisable unrecognisable;
  uint32_t smallest; /* as of pv_quality_place */
} pv_recipe;

/* One answer with all that it rests on; show the rest beside `same`. */
typedef struct pv_verdict {
  int32_t score;
  const pv_threshold *threshold;
  int same; /* 1 if `score` reaches the threshold, else 0 */
} pv_verdict;

/* Judges `score` at the false accept rate `far`, of PV_FAR_ONE: one that recipe->thresholds holds,
 * of the shipped models PV_FAR_ONE / 100 and PV_FAR_ONE / 1000. PV_ERR_THRESHOLD for any other, as
 * nothing is interpolated; `verdict` is then unchanged. */
pv_status pv_judge(const pv_recipe *recipe, int32_t score, uint32_t far, pv_verdict *verdict);

#ifdef __cplusplus
}
#endif

#endif
