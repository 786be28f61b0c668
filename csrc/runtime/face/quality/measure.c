/* The quality of a face: its measures, its score, and what can be said against it. */
#include <stddef.h>
#include <string.h>

#include "parts.h"

#define WINDOW_WIDE (PV_QUALITY_RIGHT - PV_QUALITY_LEFT)
#define WINDOW (WINDOW_WIDE * (PV_QUALITY_BOTTOM - PV_QUALITY_TOP))

/* Beyond all of 1,322 faces with true landmarks, the most turned among them (0.29); landmarks that
 * are exchanged, or of which one is missing, begin at 0.33 but for a face in the picture's corner
 * (training/evaluate/faces/landmarks.py). */
#define MOST_RESIDUAL (30 * PV_QUALITY_EYES_UNIT / 100)
/* The same faces reach 0.52. */
#define MOST_YAW (65 * PV_QUALITY_EYES_UNIT / 100)
#define MOST_OUTSIDE 30
#define LEAST_EYES (6 * PV_LANDMARK_UNIT)
#define LEAST_FACE 30
#define LEAST_LIGHT 25 /* of 255, in the mean */
#define MOST_LIGHT 235

static const char *const reasons[] = {
    "blurred, or of too few pixels",
    "too dark",
    "too bright",
    "too little contrast",
    "noisy, or compressed too much",
    "partly covered",
    "the face is not where it should be in the crop",
    "does not look like an upright face",
    "too small",
    "turned away",
    "landmarks do not fit a face",
    "too much of the face is outside the picture",
    "strangers in such pictures look alike",
};

const char *pv_quality_reason(uint32_t bits) {
  for (uint32_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
    if (bits >> i & 1) return reasons[i];
  }
  return "nothing speaks against it";
}

int pv_quality_bears(const pv_quality *quality, int32_t score, int32_t threshold) {
  return score - threshold >= quality->margin * (PV_SCORE_ONE / PV_QUALITY_MARGIN_ONE);
}

int pv_quality_enrols(const pv_quality *quality) {
  return quality->reasons == 0 && quality->score >= PV_QUALITY_ENROL;
}

static int measurable(uint32_t side) {
  return side >= PV_QUALITY_LEAST_SIDE && side <= PV_QUALITY_MOST_SIDE;
}

static void describe(const pv_pixel_sums *sums, pv_quality *quality) {
  quality->brightness = (uint8_t)(sums->light / (4 * PV_QUALITY_CELLS));
  quality->contrast = (uint8_t)(sums->spread / (4 * PV_QUALITY_CELLS * PV_QUALITY_CELLS));
  quality->dark = (uint8_t)(sums->dark * 100 / WINDOW);
  quality->bright = (uint8_t)(sums->bright * 100 / WINDOW);
  for (uint32_t level = 0; level < 3; level++) {
    for (uint32_t direction = 0; direction < 2; direction++) {
      /* Of quarters of a grey level. */
      const uint64_t sum = (uint64_t)sums->absolute[level][direction] * 16;
      quality->sharpness[level][direction] = (uint16_t)(sum / (WINDOW >> (2 * level)));
    }
  }
}

/* Why the score is low: what cannot be doubted, else the likeliest of what the network was shown.
 */
static uint32_t why(const pv_quality *quality, const pv_head_answers *answers) {
  if (quality->brightness < LEAST_LIGHT) return PV_QUALITY_DARK;
  if (quality->brightness > MOST_LIGHT) return PV_QUALITY_BRIGHT;
  uint32_t best = 0;
  for (uint32_t i = 1; i < PV_HEAD_REASONS; i++) {
    if (answers->reasons[i] > answers->reasons[best]) best = i;
  }
  return UINT32_C(1) << best;
}

/* Whether the face has few pixels, `side` of them in 1/256, of a model that was trained for that.
 */
static int expected(const pv_quality_place *place, uint32_t side) {
  return place != NULL && place->smallest != 0 && side >= place->smallest * PV_LANDMARK_UNIT &&
         side < PV_QUALITY_FEW_PIXELS * PV_LANDMARK_UNIT;
}

static int too_small(const pv_quality *quality, const pv_quality_place *place, uint32_t side) {
  if (place->smallest == 0) return quality->eye_distance < LEAST_EYES;
  return side < place->smallest * PV_LANDMARK_UNIT;
}

static uint32_t against(const pv_quality *quality, const pv_head_answers *answers,
                        const pv_quality_place *place, uint32_t side) {
  uint32_t found = 0;
  if (quality->score < PV_QUALITY_QUERY) found |= why(quality, answers);
  if (expected(place, side)) found &= ~(uint32_t)PV_QUALITY_BLURRED;
  if (quality->face < LEAST_FACE) found |= PV_QUALITY_NO_FACE;
  if (quality->margin > PV_QUALITY_MOST_MARGIN) found |= PV_QUALITY_ALIKE;
  if (!quality->placed) return found;
  if (quality->residual > MOST_RESIDUAL) return found | PV_QUALITY_LANDMARKS;
  if (too_small(quality, place, side)) found |= PV_QUALITY_SMALL;
  if (quality->yaw > MOST_YAW || quality->yaw < -MOST_YAW) found |= PV_QUALITY_AWAY;
  if (quality->outside > MOST_OUTSIDE) found |= PV_QUALITY_OUTSIDE;
  return found;
}

pv_status pv_quality_measure(const uint8_t *crop, uint32_t side, const pv_quality_place *place,
                             pv_quality *quality) {
  if (crop == NULL || quality == NULL || !measurable(side)) return PV_ERR_ARGUMENT;
  pv_pixel_sums sums;
  pv_head_answers answers;
  int8_t features[PV_QUALITY_FEATURES];
  memset(quality, 0, sizeof *quality);
  pv_pixels_sum(crop, side, &sums);
  pv_features_of(&sums, features);
  pv_head_run(features, &answers);
  quality->score = answers.score;
  quality->face = answers.face;
  quality->margin = answers.margin;
  describe(&sums, quality);
  uint32_t placed = place == NULL ? 0 : pv_place_judge(place, side, quality);
  if (quality->residual > MOST_RESIDUAL) placed = 0; /* of no face */
  if (expected(place, placed)) quality->margin = 0;
  quality->reasons = against(quality, &answers, place, placed);
  return PV_OK;
}

pv_status pv_quality_features(const uint8_t *crop, uint32_t side,
                              int8_t features[PV_QUALITY_FEATURES]) {
  if (crop == NULL || features == NULL || !measurable(side)) return PV_ERR_ARGUMENT;
  pv_pixel_sums sums;
  pv_pixels_sum(crop, side, &sums);
  pv_features_of(&sums, features);
  return PV_OK;
}
