/* Enrolled people as one block of bytes that is searched where it lies, such as in flash.
 *
 * All numbers are little-endian and 32 bits; nothing needs alignment.
 *
 *   offset  bytes
 *        0      8  "PVGALLRY"
 *        8      4  version, PV_GALLERY_VERSION
 *       12      4  D, values of a template
 *       16      4  number of entries
 *       20      4  zero
 *       24     32  SHA-256 of the int8 file of the model that made the templates
 *       56      4  zero
 *       60      4  CRC-32 (that of zlib) of the 60 bytes before and of all entries
 *       64  32 + D for each entry: a name of 1 to 31 bytes, filled with zeros to 32: valid
 *                  UTF-8 without control characters (U+0000 to U+001F, U+007F to U+009F); then
 *                  the template, which is not all zeros
 *
 * A person may have several entries of one name. `pocketvision gallery export` writes such a file
 * on a host. The format keeps templates from being damaged unseen; it neither hides nor signs them.
 */
#ifndef POCKETVISION_GALLERY_H
#define POCKETVISION_GALLERY_H

#include <stddef.h>
#include <stdint.h>

#include "pocketvision/model.h"
#include "pocketvision/status.h"
#include "pocketvision/template.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PV_GALLERY_VERSION 1
#define PV_GALLERY_HEADER_BYTES 64
#define PV_GALLERY_NAME_BYTES 32 /* with at least one zero at the end */
#define PV_GALLERY_MAX_ENTRIES 1000000

/* Bytes of a gallery of `count` entries of `dimension` values; a constant expression. */
#define PV_GALLERY_BYTES(dimension, count) \
  (PV_GALLERY_HEADER_BYTES + (size_t)(count) * (PV_GALLERY_NAME_BYTES + (size_t)(dimension)))

/* A checked gallery; borrows the memory, which must neither go nor change meanwhile. */
typedef struct pv_gallery {
  const uint8_t *entries;
  uint32_t count;
  uint32_t dimension;
} pv_gallery;

/* An entry and its score with a probe, of PV_SCORE_ONE. */
typedef struct pv_match {
  uint32_t index;
  int32_t score;
} pv_match;

/* Everywhere: `model` has passed pv_check(), PV_ERR_ARGUMENT stands for a null pointer, and
 * PV_ERR_STRUCT for a model without the SHA-256 of a file. Results count only with PV_OK. */

/* Checks everything that `memory` claims and reads nothing beyond `bytes`, which may be more than
 * the gallery takes: once over all bytes. PV_ERR_GALLERY: no gallery of this version. PV_ERR_MODEL:
 * its templates are of another model. PV_ERR_TRUNCATED: shorter than it says, or a byte of it is
 * another. */
pv_status pv_gallery_open(pv_gallery *gallery, const pv_model *model, const void *memory,
                          size_t bytes);

/* Name of entry `index`, 0 to count - 1 (not checked), with its final zero; and its template of
 * `dimension` values. Both point into the gallery's memory. */
const char *pv_gallery_name(const pv_gallery *gallery, uint32_t index);
const int8_t *pv_gallery_template(const pv_gallery *gallery, uint32_t index);

/* The `k` entries that are most like `probe`, `dimension` values, best first; equal scores keep
 * their order. `matches` has room for `k`, 1 or more; `found` receives their number, the smaller of
 * `k` and the gallery's count. PV_ERR_ZERO_NORM for a probe of zeros. */
pv_status pv_gallery_search(const pv_gallery *gallery, const int8_t *probe, uint32_t k,
                            pv_match *matches, uint32_t *found);

/* Makes `memory` an empty gallery for templates of `model`, D the bytes of its output. PV_ERR_FULL
 * for less than PV_GALLERY_BYTES(D, 0), PV_ERR_TENSOR where D exceeds PV_MAX_DIMENSION. */
pv_status pv_gallery_create(void *memory, size_t bytes, const pv_model *model);

/* Appends an entry to the gallery in `memory`, RAM of the caller, which is checked before as by
 * pv_gallery_open(); open it anew afterwards. `name`: with a final zero. `face`: a template of
 * `model`. PV_ERR_NAME for a name that may not be in a gallery, see above,
 * PV_ERR_FULL where `bytes` do not hold a further entry, PV_ERR_ZERO_NORM for a template of zeros.
 * After an error nothing has changed; a reset meanwhile damages it, so write a copy to flash. */
pv_status pv_gallery_enrol(void *memory, size_t bytes, const pv_model *model, const char *name,
                           const int8_t *face);

/* Removes every entry of `name` from the gallery in `memory`, RAM as of pv_gallery_enrol(). The
 * others keep their order; zeros are written over the bytes that become free. `removed` receives
 * how many went, 0 where nobody has the name. After an error nothing has changed; a reset meanwhile
 * damages the gallery. What was in flash stays there until that is erased: write the gallery back.
 */
pv_status pv_gallery_remove(void *memory, size_t bytes, const pv_model *model, const char *name,
                            uint32_t *removed);

/* As pv_gallery_remove(), and then appends `count` entries of `name`: `faces`, `count` templates of
 * `model` one behind the other, outside `memory`. Where nobody has the name nothing changes and
 * `removed` receives 0. PV_ERR_FULL and PV_ERR_ZERO_NORM as of pv_gallery_enrol(). */
pv_status pv_gallery_replace(void *memory, size_t bytes, const pv_model *model, const char *name,
                             const int8_t *faces, uint32_t count, uint32_t *removed);

#ifdef __cplusplus
}
#endif

#endif
