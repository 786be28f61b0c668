/* From a camera's frame to the faces in it, in integers only: the same on every core and host.
 *
 * A detector's model has an output for each of its strides, {rows, columns, PV_DETECT_CHANNELS} of
 * 8 bits: of each cell class, objectness, distances from the cell's centre to a box's left, top,
 * right and bottom edge, and x, y of five landmarks from there, in units of the stride. Nothing
 * here allocates or keeps state; the caller owns all memory. */
#ifndef POCKETVISION_DETECT_H
#define POCKETVISION_DETECT_H

#include <stdint.h>

#include "pocketvision/frame.h"
#include "pocketvision/session.h"
#include "pocketvision/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PV_DETECT_CHANNELS 16
#define PV_DETECT_MAX_LEVELS 4
#define PV_DETECT_MAX_STRIDE 256
#define PV_DETECT_STEP_BITS 12
#define PV_DETECT_MAX_STEP (INT32_C(1) << 23)
#define PV_DETECT_SCORE_ONE 65535       /* a score of a certain face */
#define PV_DETECT_OVERLAP_ONE 65536     /* of two boxes that are the same */
#define PV_DETECT_UNIT PV_LANDMARK_UNIT /* units of a coordinate per pixel */

/* One output: cells of one stride. */
typedef struct pv_detect_level {
  uint32_t rows, columns, stride;
  int32_t zero_point;   /* of the stored byte as the output's type reads it */
  int32_t step;         /* a stored unit of distance, in 2^-PV_DETECT_STEP_BITS of 1/256 pixel */
  uint16_t chance[256]; /* of PV_DETECT_SCORE_ONE, by the stored byte seen as uint8 */
} pv_detect_level;

/* What the record of a detector says, for integers. */
typedef struct pv_detect_recipe {
  pv_pixel_tables tables;
  uint32_t height, width; /* of the input */
  uint32_t score;         /* geometric mean of both chances from which on a cell is a face */
  uint32_t overlap;       /* intersection over union above which the less likely box goes */
  uint32_t is_signed;     /* 1 for outputs of int8, 0 for uint8 */
  uint32_t level_count;
  pv_detect_level levels[PV_DETECT_MAX_LEVELS];
} pv_detect_recipe;

/* A face in 1/256 pixel; pixel centres have integer coordinates, as landmarks of frame.h have. */
typedef struct pv_detection {
  int32_t box[4];                      /* left, top, right, bottom */
  int32_t landmarks[2 * PV_LANDMARKS]; /* image-left eye, right eye, nose, mouth left and right */
  uint32_t score;                      /* of PV_DETECT_SCORE_ONE */
} pv_detection;

/* A likely cell: scratch of pv_detect_decode(). */
typedef struct pv_candidate {
  uint32_t product; /* of both chances */
  uint32_t place;   /* its level in the upper four bits, its cell in the others */
} pv_candidate;

/* A rectangle of a frame in pixels. */
typedef struct pv_area {
  uint32_t left, top, width, height;
} pv_area;

/* What pv_detect() works in: `input` of as many bytes as the model's input has, `outputs` of one
 * pointer an output to as many bytes as that has, at any address. */
typedef struct pv_detect_memory {
  void *input;
  void *const *outputs;
  pv_candidate *candidates;
  uint32_t candidate_count;
} pv_detect_memory;

/* Fills `recipe` on a host from what a record says; firmware has it as a constant. `strides`: one
 * an output, fine to coarse. `logit`: logits of class and objectness by the outputs' real values.
 * `score`, `overlap`: between 0 and 1. `mean`, `std`, `reversed`: as of pv_pixel_tables_init().
 * PV_ERR_TENSOR for a model that is no such detector. */
pv_status pv_detect_recipe_init(pv_detect_recipe *recipe, const pv_model *model,
                                const uint32_t *strides, uint32_t count, double logit, double score,
                                double overlap, const float mean[3], const float std[3],
                                int reversed);

/* Whether `recipe` is possible: sizes, strides, steps and shares within their bounds. */
pv_status pv_detect_recipe_check(const pv_detect_recipe *recipe);

/* Where the input's pixels lie if it shows `area` as large as it fits, in its left upper corner,
 * turned by `turn` quarters of a circle: by 1, what was right in the frame is up.
 * PV_ERR_DEGENERATE where a pixel of the input would take 64 of the frame. */
pv_status pv_detect_place(const pv_detect_recipe *recipe, const pv_area *area, uint32_t turn,
                          pv_placement *placement);

/* The faces that `outputs` tell of, best first, in 1/256 pixel of the input: at most `most`, and
 * their number in `count`. Of cells as likely, the first of the finest level wins. Only the
 * `capacity` likeliest cells are looked at. Greedy non-maximum suppression: a box that overlaps one
 * of a better score by more than the recipe's share goes. */
pv_status pv_detect_decode(const pv_detect_recipe *recipe, const void *const *outputs,
                           pv_candidate *candidates, uint32_t capacity, pv_detection *faces,
                           uint32_t most, uint32_t *count);

/* Takes faces from the input to the frame; a turned box becomes the upright one around it.
 * PV_ERR_NOT_FINITE for what lies more than 2^22 pixels out. */
pv_status pv_detect_to_frame(const pv_placement *placement, pv_detection *faces, uint32_t count);

/* All of it: samples `area` of `frame`, or the whole frame where it is null, runs the model,
 * decodes, and gives faces in 1/256 pixel of the frame, as pv_face_template() takes them.
 * PV_ERR_TENSOR where the model's input and outputs are not the recipe's; else what the functions
 * above, pv_frame_to_input() and pv_session_run() say. */
pv_status pv_detect(const pv_session *session, const pv_detect_recipe *recipe,
                    const pv_frame *frame, const pv_area *area, uint32_t turn,
                    const pv_detect_memory *memory, pv_detection *faces, uint32_t most,
                    uint32_t *count);

#ifdef __cplusplus
}
#endif

#endif
