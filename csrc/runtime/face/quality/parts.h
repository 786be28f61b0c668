/* What the parts of the quality measure hand to each other; not a public header. */
#ifndef POCKETVISION_QUALITY_PARTS_H
#define POCKETVISION_QUALITY_PARTS_H

#include <stdint.h>

#include "pocketvision/quality.h"

#define PV_QUALITY_SIDE 112                     /* every crop is measured on so many pixels */
#define PV_QUALITY_LEVELS 4                     /* 112, 56, 28 and 14 pixels a side */
#define PV_QUALITY_GRID (PV_QUALITY_SIDE >> 3)  /* sides of the thumbnail */
#define PV_QUALITY_TILES (PV_QUALITY_SIDE >> 4) /* sides of the map of detail */
#define PV_QUALITY_CELLS (PV_QUALITY_GRID * PV_QUALITY_GRID)

/* Where differences are taken: the face without what surrounds it, in pixels of 112. */
#define PV_QUALITY_LEFT 16
#define PV_QUALITY_RIGHT 96
#define PV_QUALITY_TOP 24
#define PV_QUALITY_BOTTOM 104

/* Directions of a difference: to the right, down, down to the right, down to the left. */
enum { PV_ACROSS, PV_DOWN, PV_FALLING, PV_RISING, PV_DIRECTIONS };

/* Sums over the pixels of one crop. Light is in quarters of a grey level: r + 2 g + b. */
typedef struct pv_pixel_sums {
  int16_t thumbnail[PV_QUALITY_CELLS];
  uint32_t detail[2][PV_QUALITY_TILES * PV_QUALITY_TILES]; /* across and down, at level 1 */
  uint32_t absolute[PV_QUALITY_LEVELS][PV_DIRECTIONS];     /* of differences in the window */
  uint64_t square[PV_QUALITY_LEVELS][2];                   /* across and down */
  uint32_t light;                                          /* of the thumbnail */
  uint32_t spread;         /* absolute deviations of the thumbnail from its mean, of CELLS^2 */
  uint32_t dark, bright;   /* pixels of the window that are clipped */
  uint32_t colour[3];      /* of every fourth pixel of the window */
  uint32_t colour_gaps[2]; /* |r - g| and |g - b| of the same */
} pv_pixel_sums;

void pv_pixels_sum(const uint8_t *crop, uint32_t side, pv_pixel_sums *sums);

void pv_features_of(const pv_pixel_sums *sums, int8_t features[PV_QUALITY_FEATURES]);

/* Weights, which training/quality/ writes (weights.c). A value of a layer is
 * clamp((bias + sum of weight * value) * factor / 2^24, 0, 127), rounded half up; those of the last
 * may be negative. */
#define PV_HEAD_FIRST 32
#define PV_HEAD_SECOND 16
#define PV_HEAD_REASONS 8 /* PV_QUALITY_BLURRED to PV_QUALITY_NO_FACE */
#define PV_HEAD_LAST (2 + PV_HEAD_REASONS)

typedef struct pv_head_weights {
  int8_t first[PV_HEAD_FIRST][PV_QUALITY_FEATURES];
  int8_t second[PV_HEAD_SECOND][PV_HEAD_FIRST];
  int8_t last[PV_HEAD_LAST][PV_HEAD_SECOND];
  int32_t first_bias[PV_HEAD_FIRST], first_factor[PV_HEAD_FIRST];
  int32_t second_bias[PV_HEAD_SECOND], second_factor[PV_HEAD_SECOND];
  int32_t last_bias[PV_HEAD_LAST], last_factor[PV_HEAD_LAST];
  uint8_t logistic[256]; /* of the last layer's value, -128 to 127, in hundredths */
} pv_head_weights;

extern const pv_head_weights pv_head;

typedef struct pv_head_answers {
  uint8_t score, face; /* 0 to 100 */
  int8_t reasons[PV_HEAD_REASONS];
  uint8_t margin; /* 0 to 127 */
} pv_head_answers;

void pv_head_run(const int8_t features[PV_QUALITY_FEATURES], pv_head_answers *answers);

/* Weights of the margin, likewise (margin.c). It reads the last two layers of the network above,
 * and its answer is in 1/PV_QUALITY_MARGIN_ONE of a cosine, 0 to 127. */
#define PV_MARGIN_INPUTS (PV_HEAD_SECOND + PV_HEAD_LAST)
#define PV_MARGIN_FIRST 24
#define PV_MARGIN_SECOND 12

typedef struct pv_margin_weights {
  int8_t first[PV_MARGIN_FIRST][PV_MARGIN_INPUTS];
  int8_t second[PV_MARGIN_SECOND][PV_MARGIN_FIRST];
  int8_t last[1][PV_MARGIN_SECOND];
  int32_t first_bias[PV_MARGIN_FIRST], first_factor[PV_MARGIN_FIRST];
  int32_t second_bias[PV_MARGIN_SECOND], second_factor[PV_MARGIN_SECOND];
  int32_t last_bias[1], last_factor[1];
} pv_margin_weights;

extern const pv_margin_weights pv_margin;

/* Fills what landmarks say; those that fit no face have the largest residual. The side of the crop
 * as it lies in the picture, in 1/256 pixel; 0 without a fit. */
uint32_t pv_place_judge(const pv_quality_place *place, uint32_t side, pv_quality *quality);

#endif
