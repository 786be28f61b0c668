/* A frame's faces in one call: sampling, network, decoding, and back to the frame. */
#include "pocketvision/detect.h"

pv_status pv_detect_recipe_check(const pv_detect_recipe *recipe) {
  if (recipe == NULL || recipe->level_count == 0 || recipe->level_count > PV_DETECT_MAX_LEVELS ||
      recipe->height == 0 || recipe->height > PV_MAX_INPUT_SIDE || recipe->width == 0 ||
      recipe->width > PV_MAX_INPUT_SIDE || recipe->score == 0 ||
      recipe->score > PV_DETECT_SCORE_ONE || recipe->overlap > PV_DETECT_OVERLAP_ONE ||
      recipe->is_signed > 1) {
    return PV_ERR_ARGUMENT;
  }
  for (uint32_t i = 0; i < recipe->level_count; i++) {
    const pv_detect_level *level = &recipe->levels[i];
    if (level->stride == 0 || level->stride > PV_DETECT_MAX_STRIDE ||
        level->rows != recipe->height / level->stride ||
        level->columns != recipe->width / level->stride || level->rows == 0 ||
        level->columns == 0 || level->zero_point < -128 || level->zero_point > 255 ||
        level->step <= 0 || level->step > PV_DETECT_MAX_STEP) {
      return PV_ERR_ARGUMENT;
    }
  }
  return PV_OK;
}

static int detects(const pv_model *model, const pv_detect_recipe *recipe) {
  const pv_tensor *input = model->inputs;
  if (model->input_count != 1 || model->output_count != recipe->level_count || input->rank != 3 ||
      input->shape[0] != recipe->height || input->shape[1] != recipe->width ||
      input->shape[2] != 3 || input->dtype == PV_DTYPE_FLOAT32) {
    return 0;
  }
  for (uint32_t i = 0; i < recipe->level_count; i++) {
    const pv_tensor *output = &model->outputs[i];
    const uint32_t dtype = recipe->is_signed ? PV_DTYPE_INT8 : PV_DTYPE_UINT8;
    if (output->rank != 3 || output->dtype != dtype || output->shape[0] != recipe->levels[i].rows ||
        output->shape[1] != recipe->levels[i].columns || output->shape[2] != PV_DETECT_CHANNELS) {
      return 0;
    }
  }
  return 1;
}

pv_status pv_detect(const pv_session *session, const pv_detect_recipe *recipe,
                    const pv_frame *frame, const pv_area *area, uint32_t turn,
                    const pv_detect_memory *memory, pv_detection *faces, uint32_t most,
                    uint32_t *count) {
  if (session == NULL || frame == NULL || memory == NULL || memory->input == NULL ||
      memory->outputs == NULL) {
    return PV_ERR_ARGUMENT;
  }
  pv_status status = pv_detect_recipe_check(recipe);
  if (status != PV_OK) return status;
  if (!detects(session->model, recipe)) return PV_ERR_TENSOR;
  const pv_area whole = {0, 0, frame->width, frame->height};
  pv_placement placement;
  status = pv_detect_place(recipe, area == NULL ? &whole : area, turn, &placement);
  if (status != PV_OK) return status;
  status = pv_frame_to_input(frame, &placement, &recipe->tables, recipe->height, recipe->width,
                             memory->input);
  if (status != PV_OK) return status;
  const void *inputs[1] = {memory->input};
  status = pv_session_run(session, inputs, memory->outputs);
  if (status != PV_OK) return status;
  status = pv_detect_decode(recipe, (const void *const *)memory->outputs, memory->candidates,
                            memory->candidate_count, faces, most, count);
  return status != PV_OK ? status : pv_detect_to_frame(&placement, faces, *count);
}
