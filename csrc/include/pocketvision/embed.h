/* From the pixels of one face to its embedding, in memory that one thread owns. */
#ifndef POCKETVISION_EMBED_H
#define POCKETVISION_EMBED_H

#include <stddef.h>
#include <stdint.h>

#include "pocketvision/model.h"
#include "pocketvision/preprocess.h"
#include "pocketvision/quality.h"
#include "pocketvision/session.h"
#include "pocketvision/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What one thread needs: a session and room for the face at hand. */
typedef struct pv_embedder {
  pv_session session;
  uint8_t *input;
  uint8_t *output;
  uint8_t *crop;
} pv_embedder;

/* Bytes that pv_embedder_init() needs for a checked `model`, and their alignment, a power of two
 * of at least 64; the bytes are a multiple of it, so blocks of several threads may adjoin. */
size_t pv_embedder_bytes(const pv_model *model);
size_t pv_embedder_alignment(const pv_model *model);

/* Divides `memory`, which must outlive the embedder. PV_ERR_TENSOR for an input that is not three
 * colours, PV_ERR_ARENA for memory that is too small or not aligned. */
pv_status pv_embedder_init(pv_embedder *embedder, const pv_model *model, void *memory,
                           size_t bytes);

/* Faces of one batch: aligned crops, or faces of one picture that are aligned here. */
typedef struct pv_faces {
  const pv_embedder *embedders; /* one per thread that works on the batch */
  const pv_pixel_tables *tables;
  const uint8_t *crops;    /* dense, each of the input's height x width x 3; or null, and then */
  pv_picture picture;      /* the picture, */
  const double *landmarks; /* five points x, y per face, in pixels, */
  const double *reference; /* and the five points of a crop that they shall come to */
  float *embeddings;       /* one row per face, as wide as the output has bytes */
  pv_quality *qualities;   /* one per face; or null */
  const uint32_t *sides;   /* of crops with qualities and landmarks: height and width of the picture
                              that each was cut out of, at those landmarks */
  uint32_t smallest;       /* as of pv_quality_place, for qualities */
} pv_faces;

/* Writes row `index` of `embeddings` in unit length, with embedders[thread], and its quality where
 * that is asked for; a pv_pool_work whose context is a pv_faces. PV_ERR_NOT_FINITE and
 * PV_ERR_DEGENERATE are about the landmarks. */
pv_status pv_embed_face(void *faces, size_t thread, size_t index);

/* pv_quality_measure() of a crop that was cut out of a picture of width x height pixels at
 * `landmarks`, five points x, y in pixels, so that they came to `reference`, by a model whose
 * pv_quality_place has `smallest`; `landmarks` null: of the crop alone. PV_ERR_NOT_FINITE for
 * landmarks that are none. */
pv_status pv_quality_of_face(const uint8_t *crop, uint32_t side, const double *landmarks,
                             const double *reference, size_t width, size_t height,
                             uint32_t smallest, pv_quality *quality);

#ifdef __cplusplus
}
#endif

#endif
