/* A stream of frames through two models: an encoder once a frame, a decoder over the last vectors.
 *
 * The state of a stream is its window and a table: a VTN of 16 vectors of 512 bytes takes 9 KB.
 * Models and their arenas may serve any number of streams, one call at a time each. */
#ifndef POCKETVISION_CLIP_H
#define POCKETVISION_CLIP_H

#include <stddef.h>
#include <stdint.h>

#include "pocketvision/session.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `steps` vectors of `width` bytes, oldest first, of which `filled` are there; and room for one. */
typedef struct pv_clip {
  uint8_t *window;
  uint32_t steps;
  uint32_t width;
  uint32_t filled;
  uint8_t table[256]; /* a stored value of the encoder's output as one of the decoder's input */
} pv_clip;

/* Bytes of the window of two checked models, 0 where they are no pair: each has one input and one
 * output, both 8 bits where they meet, and the decoder takes a whole number of encoded frames. */
size_t pv_clip_window_bytes(const pv_model *encoder, const pv_model *decoder);

/* An empty stream. `window` holds pv_clip_window_bytes() and outlives it. PV_ERR_TENSOR where the
 * models are no pair. */
pv_status pv_clip_init(pv_clip *clip, const pv_model *encoder, const pv_model *decoder,
                       void *window);

/* Forgets all frames. */
void pv_clip_reset(pv_clip *clip);

/* Encodes `frame`, the encoder's input, and lets the oldest vector go. `scores`, the decoder's
 * output, is written once the window is full, which `*full` tells. After an error the stream is as
 * it was before. */
pv_status pv_clip_push(pv_clip *clip, const pv_session *encoder, const pv_session *decoder,
                       const void *frame, void *scores, int *full);

#ifdef __cplusplus
}
#endif

#endif
