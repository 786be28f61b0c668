/* The entries of a gallery that are most like a probe. */
#include <stddef.h>

#include "pocketvision/gallery.h"

static const uint8_t *entry(const pv_gallery *gallery, uint32_t index) {
  return gallery->entries + (size_t)index * (PV_GALLERY_NAME_BYTES + gallery->dimension);
}

const char *pv_gallery_name(const pv_gallery *gallery, uint32_t index) {
  return (const char *)entry(gallery, index);
}

const int8_t *pv_gallery_template(const pv_gallery *gallery, uint32_t index) {
  return (const int8_t *)entry(gallery, index) + PV_GALLERY_NAME_BYTES;
}

pv_status pv_gallery_search(const pv_gallery *gallery, const int8_t *probe, uint32_t k,
                            pv_match *matches, uint32_t *found) {
  if (gallery == NULL || probe == NULL || k == 0 || matches == NULL || found == NULL) {
    return PV_ERR_ARGUMENT;
  }
  uint32_t held = 0;
  for (uint32_t index = 0; index < gallery->count; index++) {
    pv_match match = {index, 0};
    const pv_status status = pv_template_score(probe, pv_gallery_template(gallery, index),
                                               gallery->dimension, &match.score);
    if (status != PV_OK) return status;
    if (held == k && match.score <= matches[k - 1].score) continue;
    uint32_t place = held < k ? held++ : k - 1;
    for (; place > 0 && match.score > matches[place - 1].score; place--) {
      matches[place] = matches[place - 1];
    }
    matches[place] = match;
  }
  *found = held;
  return PV_OK;
}
