/* A detector's recipe from what its record says, in floating point, once. */
#include "pocketvision/detect.h"

#include <math.h>
#include <string.h>

static pv_status level_init(pv_detect_level *level, const pv_tensor *output, uint32_t stride,
                            double logit) {
  if (output->rank != 3 || output->shape[2] != PV_DETECT_CHANNELS ||
      output->dtype == PV_DTYPE_FLOAT32) {
    return PV_ERR_TENSOR;
  }
  const double scale = (double)output->scale;
  const double step = rint(scale * stride * PV_DETECT_UNIT * (1 << PV_DETECT_STEP_BITS));
  if (!(step >= 1 && step <= PV_DETECT_MAX_STEP)) return PV_ERR_TENSOR;
  level->rows = output->shape[0];
  level->columns = output->shape[1];
  level->stride = stride;
  level->zero_point = output->zero_point;
  level->step = (int32_t)step;
  for (int byte = 0; byte < 256; byte++) {
    const int stored = output->dtype == PV_DTYPE_INT8 && byte > 127 ? byte - 256 : byte;
    const double value = logit * scale * (stored - output->zero_point);
    level->chance[byte] = (uint16_t)rint(PV_DETECT_SCORE_ONE / (1 + exp(-value)));
  }
  return PV_OK;
}

pv_status pv_detect_recipe_init(pv_detect_recipe *recipe, const pv_model *model,
                                const uint32_t *strides, uint32_t count, double logit, double score,
                                double overlap, const float mean[3], const float std[3],
                                int reversed) {
  if (recipe == NULL || model == NULL || strides == NULL || !(logit > 0 && logit <= 1000) ||
      !(score > 0 && score < 1) || !(overlap > 0 && overlap < 1)) {
    return PV_ERR_ARGUMENT;
  }
  if (model->input_count != 1 || model->output_count != count || count == 0 ||
      count > PV_DETECT_MAX_LEVELS) {
    return PV_ERR_TENSOR;
  }
  memset(recipe, 0, sizeof *recipe);
  const pv_status status =
      pv_pixel_tables_init(&recipe->tables, &model->inputs[0], mean, std, reversed);
  if (status != PV_OK) return status;
  recipe->height = model->inputs[0].shape[0];
  recipe->width = model->inputs[0].shape[1];
  recipe->score = (uint32_t)fmax(1, rint(score * PV_DETECT_SCORE_ONE));
  recipe->overlap = (uint32_t)rint(overlap * PV_DETECT_OVERLAP_ONE);
  recipe->is_signed = model->outputs[0].dtype == PV_DTYPE_INT8;
  recipe->level_count = count;
  for (uint32_t i = 0; i < count; i++) {
    if (model->outputs[i].dtype != model->outputs[0].dtype) return PV_ERR_TENSOR;
    const pv_status found = level_init(&recipe->levels[i], &model->outputs[i], strides[i], logit);
    if (found != PV_OK) return found;
  }
  return pv_detect_recipe_check(recipe) == PV_OK ? PV_OK : PV_ERR_TENSOR;
}
