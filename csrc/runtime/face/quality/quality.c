/* The quality of a face, and what can be said against it. */
#include "parts.h"

#include <stddef.h>

pv_status pv_quality_features(const uint8_t *crop, uint32_t side,
                              int8_t features[PV_QUALITY_FEATURES]) {
  if (crop == NULL || features == NULL || side < PV_QUALITY_LEAST_SIDE ||
      side > PV_QUALITY_MOST_SIDE) {
    return PV_ERR_ARGUMENT;
  }
  pv_pixel_sums sums;
  pv_pixels_sum(crop, side, &sums);
  pv_features_of(&sums, features);
  return PV_OK;
}
