/* The stand-in's step from a sum to int8. */
#ifndef REQUANTIZE_H
#define REQUANTIZE_H

#include "arm_nnfunctions.h"

int8_t requantize(int32_t sum, const cmsis_nn_per_channel_quant_params *quant, int channel,
                  int32_t offset);

#endif
