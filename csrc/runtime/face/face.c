/* One face of a camera's frame to its template. */
#include "pocketvision/face.h"

#include <stddef.h>

pv_status pv_face_template(const pv_session *session, const pv_recipe *recipe,
                           const pv_frame *frame, const int32_t landmarks[2 * PV_LANDMARKS],
                           void *input, int8_t *result) {
  if (session == NULL || recipe == NULL || result == NULL) return PV_ERR_ARGUMENT;
  const pv_model *model = session->model;
  if (!pv_takes_a_face(model)) return PV_ERR_TENSOR;
  pv_placement placement;
  pv_status status = pv_placement_fit(landmarks, recipe->reference, &placement);
  if (status != PV_OK) return status;
  status = pv_frame_to_input(frame, &placement, &recipe->tables, model->inputs[0].shape[0],
                             model->inputs[0].shape[1], input);
  if (status != PV_OK) return status;
  /* The output's place is the template's: both have one byte a value. */
  status = pv_session_run_one(session, input, result);
  return status != PV_OK ? status : pv_template_make(&model->outputs[0], result, result);
}
