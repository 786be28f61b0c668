/* The small int8 network from features to its answers. */
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

void pv_head_run(const int8_t features[PV_QUALITY_FEATURES], pv_head_answers *answers) {
  int8_t first[PV_HEAD_FIRST], second[PV_HEAD_SECOND], last[PV_HEAD_LAST];
  for (int i = 0; i < PV_HEAD_FIRST; i++) {
    const int32_t sum = dot(pv_head.first[i], features, PV_QUALITY_FEATURES, pv_head.first_bias[i]);
    first[i] = scaled(sum, pv_head.first_factor[i], 0);
  }
  for (int i = 0; i < PV_HEAD_SECOND; i++) {
    const int32_t sum = dot(pv_head.second[i], first, PV_HEAD_FIRST, pv_head.second_bias[i]);
    second[i] = scaled(sum, pv_head.second_factor[i], 0);
  }
  for (int i = 0; i < PV_HEAD_LAST; i++) {
    const int32_t sum = dot(pv_head.last[i], second, PV_HEAD_SECOND, pv_head.last_bias[i]);
    last[i] = scaled(sum, pv_head.last_factor[i], -128);
  }
  answers->score = pv_head.logistic[last[0] + 128];
  answers->face = pv_head.logistic[last[1] + 128];
  for (int i = 0; i < PV_HEAD_REASONS; i++) answers->reasons[i] = last[2 + i];
}
