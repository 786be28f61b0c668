/* The small int8 networks from features to answers. */
#include <string.h>

#include "parts.h"

#define BITS 24 /* of a factor's fraction */

static int32_t dot(const int8_t *weights, const int8_t *values, int32_t count, int32_t bias) {
  int32_t sum = bias;
  for (int32_t i = 0; i < count; i++) sum += weights[i] * values[i];
  return sum;
}

/* sum * factor / 2^24 to nearest, halves up, held between `low` and 127. */
static int8_t scaled(int32_t sum, int32_t factor, int32_t low) {
  const int64_t product = (int64_t)sum * factor + (INT64_C(1) << (BITS - 1));
  if (product < (int64_t)low * (INT64_C(1) << BITS)) return (int8_t)low;
  if (product >= INT64_C(127) << BITS) return 127;
  /* What is left may be negative, whose shift is the compiler's own choice. */
  return (int8_t)((product + (INT64_C(128) << BITS)) / (INT64_C(1) << BITS) - 128);
}

typedef struct layer {
  const int8_t *weights; /* rows x columns */
  const int32_t *bias, *factor;
  int32_t rows, columns;
} layer;

static void run(const layer *of, const int8_t *values, int32_t low, int8_t *out) {
  for (int32_t i = 0; i < of->rows; i++) {
    const int32_t sum = dot(of->weights + i * of->columns, values, of->columns, of->bias[i]);
    out[i] = scaled(sum, of->factor[i], low);
  }
}

/* What the last two layers of the score's network say to that of the margin. */
static uint8_t margin_of(const int8_t *second, const int8_t *last) {
  const pv_margin_weights *own = &pv_margin;
  const layer layers[3] = {
      {own->first[0], own->first_bias, own->first_factor, PV_MARGIN_FIRST, PV_MARGIN_INPUTS},
      {own->second[0], own->second_bias, own->second_factor, PV_MARGIN_SECOND, PV_MARGIN_FIRST},
      {own->last[0], own->last_bias, own->last_factor, 1, PV_MARGIN_SECOND}};
  int8_t inputs[PV_MARGIN_INPUTS], one[PV_MARGIN_FIRST], two[PV_MARGIN_SECOND], answer;
  memcpy(inputs, second, PV_HEAD_SECOND);
  memcpy(inputs + PV_HEAD_SECOND, last, PV_HEAD_LAST);
  run(&layers[0], inputs, 0, one);
  run(&layers[1], one, 0, two);
  run(&layers[2], two, 0, &answer);
  return (uint8_t)answer;
}

void pv_head_run(const int8_t features[PV_QUALITY_FEATURES], pv_head_answers *answers) {
  const pv_head_weights *own = &pv_head;
  const layer layers[3] = {
      {own->first[0], own->first_bias, own->first_factor, PV_HEAD_FIRST, PV_QUALITY_FEATURES},
      {own->second[0], own->second_bias, own->second_factor, PV_HEAD_SECOND, PV_HEAD_FIRST},
      {own->last[0], own->last_bias, own->last_factor, PV_HEAD_LAST, PV_HEAD_SECOND}};
  int8_t first[PV_HEAD_FIRST], second[PV_HEAD_SECOND], last[PV_HEAD_LAST];
  run(&layers[0], features, 0, first);
  run(&layers[1], first, 0, second);
  run(&layers[2], second, -128, last);
  answers->margin = margin_of(second, last);
  answers->score = own->logistic[last[0] + 128];
  answers->face = own->logistic[last[1] + 128];
  for (int i = 0; i < PV_HEAD_REASONS; i++) answers->reasons[i] = last[2 + i];
}
