/* One face of a frame to its template: placement, sampling, network, int8 of unit length. */
#ifndef POCKETVISION_FACE_H
#define POCKETVISION_FACE_H

#include <stdint.h>

#include "pocketvision/frame.h"
#include "pocketvision/recipe.h"
#include "pocketvision/session.h"
#include "pocketvision/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes `result`, as many bytes as the model's output has; after an error its content is
 * undefined. `input`: scratch memory of as many bytes as the model's input has; afterwards it holds
 * what the network saw. Both stand at any address, outside the frame and the arena. `landmarks`: x,
 * y in 1/256 of a pixel of the frame, in the record's order: image-left eye, image-right eye, nose,
 * mouth corners left and right. `recipe`: of the same model.
 *
 * PV_ERR_TENSOR for a model whose input is not three colours; else what pv_placement_fit(),
 * pv_frame_to_input(), pv_session_run() and pv_template_make() say. */
pv_status pv_face_template(const pv_session *session, const pv_recipe *recipe,
                           const pv_frame *frame, const int32_t landmarks[2 * PV_LANDMARKS],
                           void *input, int8_t *result);

#ifdef __cplusplus
}
#endif

#endif
