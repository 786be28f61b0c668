/* How far one face's picture can be trusted, and what speaks against it.
 *
 * Integers only, so the same on every core and host; no libm, no memory but about 3 KB of stack. A
 * small int8 network reads a thumbnail of the crop, where there is detail, differences at four
 * scales in four directions, light and colour. It was trained to say how much of an embedding is
 * left of a picture that was spoilt, and whether strangers whose pictures were spoilt alike are
 * still told apart (training/quality/). Landmarks are judged by the similarity fit. */
#ifndef POCKETVISION_QUALITY_H
#define POCKETVISION_QUALITY_H

#include <stdint.h>

#include "pocketvision/face.h"
#include "pocketvision/frame.h"
#include "pocketvision/recipe.h"
#include "pocketvision/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sides of a square crop that can be measured, in pixels. */
#define PV_QUALITY_LEAST_SIDE 80
#define PV_QUALITY_MOST_SIDE 448

/* Numbers that the network reads of a crop. */
#define PV_QUALITY_FEATURES 357

/* The score below which an answer is not to be relied on: of clean faces that were kept from
 * training fewer than 1 in 100 lie below (of LFW's, which no network saw, 1 in 370). */
#define PV_QUALITY_QUERY 35

/* The score below which a face is not to be enrolled: a template stays and is compared with every
 * face that comes, so that another picture of one clean face in 30 (of LFW's, in 60) is asked for.
 */
#define PV_QUALITY_ENROL 70

/* Pixels a side of the largest crop that a model of faces from far away was shown as small. */
#define PV_QUALITY_FEW_PIXELS 56

/* A cosine of 1 in units of pv_quality.margin, and the margin beyond which no match is believed. */
#define PV_QUALITY_MARGIN_ONE 128
#define PV_QUALITY_MOST_MARGIN 77

/* Units of a length in eye distances: those of a face that looks straight ahead, of the size that
 * the similarity fit finds. */
#define PV_QUALITY_EYES_UNIT 1024

/* What speaks against a face: bits of pv_quality.reasons. */
enum {
  PV_QUALITY_BLURRED = 1 << 0,    /* or of too few pixels */
  PV_QUALITY_DARK = 1 << 1,       /* too dark */
  PV_QUALITY_BRIGHT = 1 << 2,     /* too bright */
  PV_QUALITY_FAINT = 1 << 3,      /* too little contrast */
  PV_QUALITY_NOISY = 1 << 4,      /* or compressed too much */
  PV_QUALITY_COVERED = 1 << 5,    /* something stands before the face */
  PV_QUALITY_MISPLACED = 1 << 6,  /* the face is not where the crop should have it */
  PV_QUALITY_NO_FACE = 1 << 7,    /* does not look like an upright face */
  PV_QUALITY_SMALL = 1 << 8,      /* of fewer pixels than the model is for */
  PV_QUALITY_AWAY = 1 << 9,       /* turned away */
  PV_QUALITY_LANDMARKS = 1 << 10, /* landmarks that fit no face */
  PV_QUALITY_OUTSIDE = 1 << 11,   /* too much of it lies outside the picture */
  PV_QUALITY_ALIKE = 1 << 12      /* strangers in such pictures look alike */
};

typedef struct pv_quality {
  uint8_t score;      /* 0 to 100: how far answers that rest on the face can be trusted */
  uint8_t face;       /* 0 to 100: how much it looks like an upright face */
  uint8_t brightness; /* mean, 0 to 255 */
  uint8_t contrast;   /* mean deviation of the thumbnail, 0 to 128 grey levels */
  uint8_t dark;       /* hundredths of the pixels at most 5 of 255, */
  uint8_t bright;     /* and at least 250 */
  uint8_t placed;     /* 1 where landmarks were given; else what follows is 0 but for reasons */
  uint8_t outside;    /* hundredths of the face (the crop's middle) that lie outside the picture */
  int16_t residual;   /* root mean square of the fit, in 1/1024 eye distances; at most 32767 */
  int16_t yaw; /* the nose beside the middle of the eyes, in 1/1024 eye distances; right positive */
  int16_t roll;             /* of the eyes in the picture, in degrees, clockwise positive */
  uint16_t sharpness[3][2]; /* mean difference of neighbours across and down, in 1/64 grey level, of
                               the crop, of half and of quarter its size */
  uint16_t margin;          /* a match is to be relied on if its score exceeds the threshold by so
                               much (pv_quality_bears): strangers in such pictures come as near */
  uint32_t eye_distance;    /* in 1/256 pixel of the picture */
  uint32_t reasons;         /* PV_QUALITY_BLURRED and so on; 0: nothing speaks against it */
} pv_quality;

/* Where a crop was cut out, both as of pv_placement_fit(), and the sides of the picture.
 *
 * `smallest`: of a model that was trained for faces of few pixels, the pixels a side of the
 * smallest crop that it was trained for, as it lies in the picture; 0 for other models. Such a
 * model's faces are too small below that, and not for being blurred by few pixels above it: up to
 * PV_QUALITY_FEW_PIXELS that reason and the margin, which are those of other models, are left out.
 */
typedef struct pv_quality_place {
  int32_t landmarks[2 * PV_LANDMARKS];
  int32_t reference[2 * PV_LANDMARKS];
  uint32_t width, height;
  uint32_t smallest;
} pv_quality_place;

/* Measures a dense RGB crop of side x side pixels that is aligned as the ArcFace template has it.
 * `place` may be null: then only the crop is judged. Landmarks that no similarity fits are no
 * error, but a reason. PV_ERR_ARGUMENT for another null pointer, or another side. */
pv_status pv_quality_measure(const uint8_t *crop, uint32_t side, const pv_quality_place *place,
                             pv_quality *quality);

/* 1 for a face good enough to be enrolled: nothing speaks against it, and the score reaches
 * PV_QUALITY_ENROL. */
int pv_quality_enrols(const pv_quality *quality);

/* 1 where a match of `score` at `threshold`, both of PV_SCORE_ONE, is nearer than strangers in
 * pictures like this one come; 0 where it is to be doubted. Of most clean faces the margin is 0,
 * and of two faces that are compared the larger counts. */
int pv_quality_bears(const pv_quality *quality, int32_t score, int32_t threshold);

/* Adds what the face's int8 template says, which pv_quality_measure() cannot see: the margin is at
 * least twice what of its square lies along the model's unrecognisable directions beyond their
 * level, and PV_QUALITY_ALIKE a reason beyond PV_QUALITY_MOST_MARGIN. Nothing without directions.
 * pv_face_template_quality() does it. PV_ERR_ARGUMENT for a null pointer or `dimension` of 0 or
 * above PV_MAX_DIMENSION, PV_ERR_ZERO_NORM for a row or a template of zeros. */
pv_status pv_quality_see_template(pv_quality *quality, const int8_t *face, uint32_t dimension,
                                  const pv_unrecognisable *known);

/* What a bit of pv_quality.reasons means, such as "too dark", for people to read; of several bits
 * the lowest. Never null. */
const char *pv_quality_reason(uint32_t reasons);

/* pv_face_template(), and the quality of the face. `input` holds the crop in between, so that no
 * further memory is needed; `result` has the same bytes. PV_ERR_TENSOR also for an input that is
 * not square, or of another side than can be measured. */
pv_status pv_face_template_quality(const pv_session *session, const pv_recipe *recipe,
                                   const pv_frame *frame, const int32_t landmarks[2 * PV_LANDMARKS],
                                   void *input, int8_t *result, pv_quality *quality);

/* What training/quality/ trains on: int8 (PV_QUALITY_FEATURES) of a crop; errors as above. */
pv_status pv_quality_features(const uint8_t *crop, uint32_t side,
                              int8_t features[PV_QUALITY_FEATURES]);

#ifdef __cplusplus
}
#endif

#endif
