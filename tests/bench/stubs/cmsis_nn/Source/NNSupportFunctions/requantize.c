/* The stand-in's step from a sum to int8: one rounding, half up. */
#include "requantize.h"

int8_t requantize(int32_t sum, const cmsis_nn_per_channel_quant_params *quant, int channel,
                  int32_t offset) {
  const int places = 31 - quant->shift[channel];
  int64_t value = (int64_t)sum * quant->multiplier[channel];
  value = (value + (INT64_C(1) << (places - 1))) >> places;
  value += offset;
  return (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
}
