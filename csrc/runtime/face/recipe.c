/* Verdicts by the thresholds of a model's record. */
#include "pocketvision/recipe.h"

#include <stddef.h>

pv_status pv_judge(const pv_recipe *recipe, int32_t score, uint32_t far, pv_verdict *verdict) {
  if (recipe == NULL || verdict == NULL) return PV_ERR_ARGUMENT;
  for (uint32_t i = 0; i < recipe->threshold_count; i++) {
    const pv_threshold *threshold = &recipe->thresholds[i];
    if (threshold->far != far) continue;
    verdict->score = score;
    verdict->threshold = threshold;
    verdict->same = score >= threshold->score;
    return PV_OK;
  }
  return PV_ERR_THRESHOLD;
}
