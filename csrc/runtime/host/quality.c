/* The quality of a face whose landmarks are floats, in a picture of any size. */
#include <math.h>

#include "pocketvision/embed.h"

#define MOST 1e7

/* To nearest, held where integers end. */
static int32_t whole(double value) {
  return (int32_t)floor(fmin(fmax(value, -MOST * 100), MOST * 100) + 0.5);
}

pv_status pv_quality_of_face(const uint8_t *crop, uint32_t side, const double *landmarks,
                             const double *reference, size_t width, size_t height,
                             uint32_t smallest, pv_quality *quality) {
  if (landmarks == NULL) return pv_quality_measure(crop, side, NULL, quality);
  if (reference == NULL) return PV_ERR_ARGUMENT;
  /* Pictures beyond what the integers take are measured at a half, a quarter and so on. */
  double largest = fmax((double)width, (double)height);
  for (int i = 0; i < 2 * PV_LANDMARKS; i++) largest = fmax(largest, fabs(landmarks[i]));
  if (!(largest <= MOST)) return PV_ERR_NOT_FINITE;
  uint32_t halvings = 0;
  for (; largest > PV_MAX_FRAME_SIDE; largest /= 2) halvings++;
  const double share = ldexp(1, -(int)halvings);
  pv_quality_place place = {.width = (uint32_t)ceil((double)width * share),
                            .height = (uint32_t)ceil((double)height * share),
                            .smallest = smallest};
  for (int i = 0; i < 2 * PV_LANDMARKS; i++) {
    place.landmarks[i] = whole(landmarks[i] * share * PV_LANDMARK_UNIT);
    place.reference[i] = whole(reference[i] * PV_REFERENCE_UNIT);
  }
  const pv_status status = pv_quality_measure(crop, side, &place, quality);
  /* The only figure in pixels of the picture. */
  if (status == PV_OK) quality->eye_distance <<= halvings;
  return status;
}
