/* One face of a camera's frame to its template and its quality, in the memory of the first alone.
 */
#include <stddef.h>
#include <string.h>

#include "pocketvision/quality.h"

/* In place: each pixel is read whole before it is written. */
static void through_tables(const pv_pixel_tables *tables, uint8_t *pixels, size_t count) {
  for (uint8_t *end = pixels + 3 * count; pixels < end; pixels += 3) {
    const uint8_t pixel[3] = {pixels[0], pixels[1], pixels[2]};
    for (int channel = 0; channel < 3; channel++) {
      pixels[channel] = tables->value[channel][pixel[tables->source[channel]]];
    }
  }
}

/* What a crop of the host would hold: the frame's pixels as they are. A function of its own, so
 * that its tables have left the stack before the crop is measured. */
static __attribute__((noinline)) pv_status cut_out(const pv_frame *frame,
                                                   const pv_placement *placement, uint32_t side,
                                                   void *crop) {
  pv_pixel_tables same = {{0, 1, 2}, {{0}}};
  for (int value = 0; value < 256; value++) {
    for (int channel = 0; channel < 3; channel++) same.value[channel][value] = (uint8_t)value;
  }
  return pv_frame_to_input(frame, placement, &same, side, side, crop);
}

pv_status pv_face_template_quality(const pv_session *session, const pv_recipe *recipe,
                                   const pv_frame *frame, const int32_t landmarks[2 * PV_LANDMARKS],
                                   void *input, int8_t *result, pv_quality *quality) {
  if (session == NULL || recipe == NULL || result == NULL || quality == NULL) {
    return PV_ERR_ARGUMENT;
  }
  const pv_model *model = session->model;
  if (!pv_takes_a_face(model)) return PV_ERR_TENSOR;
  const uint32_t side = model->inputs[0].shape[0];
  if (side != model->inputs[0].shape[1] || side < PV_QUALITY_LEAST_SIDE ||
      side > PV_QUALITY_MOST_SIDE) {
    return PV_ERR_TENSOR;
  }
  for (int channel = 0; channel < 3; channel++) {
    if (recipe->tables.source[channel] > 2) return PV_ERR_ARGUMENT;
  }
  pv_placement placement;
  pv_status status = pv_placement_fit(landmarks, recipe->reference, &placement);
  if (status != PV_OK) return status;
  status = cut_out(frame, &placement, side, input);
  if (status != PV_OK) return status;
  pv_quality_place place = {
      .width = frame->width, .height = frame->height, .smallest = recipe->smallest};
  memcpy(place.landmarks, landmarks, sizeof place.landmarks);
  memcpy(place.reference, recipe->reference, sizeof place.reference);
  status = pv_quality_measure((const uint8_t *)input, side, &place, quality);
  if (status != PV_OK) return status;
  through_tables(&recipe->tables, (uint8_t *)input, (size_t)side * side);
  status = pv_session_run_one(session, input, result);
  if (status != PV_OK) return status;
  status = pv_template_make(&model->outputs[0], result, result);
  if (status != PV_OK || recipe->unrecognisable.directions == NULL) return status;
  return pv_quality_see_template(quality, result, (uint32_t)pv_tensor_bytes(&model->outputs[0]),
                                 &recipe->unrecognisable);
}
