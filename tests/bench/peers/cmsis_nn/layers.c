/* One layer through CMSIS-NN's public functions, on noise, under the instruction counter.
 *
 * Compiled with LAYER=0 (1x1 28x28x64 to 64), 1 (depthwise 3x3 28x28x64) or 2 (stem 3x3 /2
 * 112x112x3 to 16). The call alone lies between two marks. Ends with 4 where the function fails or
 * needs more scratch memory than there is, with 1 where a result is more than 1 off the layer's
 * definition: CMSIS-NN rounds twice, where the definition rounds once. */
#define PV_MARK
#include "stamp.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "arm_nnfunctions.h"

#if LAYER == 2
enum { SIDE = 112, IN = 3, OUT = 16, KERNEL = 3, STRIDE = 2, PAD = 1 };
#elif LAYER == 1
enum { SIDE = 28, IN = 64, OUT = 64, KERNEL = 3, STRIDE = 1, PAD = 1 };
#else
enum { SIDE = 28, IN = 64, OUT = 64, KERNEL = 1, STRIDE = 1, PAD = 0 };
#endif
enum {
  DEPTHWISE = LAYER == 1,
  RESULT = (SIDE + 2 * PAD - KERNEL) / STRIDE + 1,
  TAPS = KERNEL * KERNEL * (DEPTHWISE ? 1 : IN),
  ZERO_IN = 3,
  ZERO_OUT = -5,
  SCRATCH = 64 * 1024,
  FAILED = 4
};

static _Alignas(16) int8_t source[SIDE * SIDE * IN], weights[OUT * TAPS];
static _Alignas(16) int8_t result[RESULT * RESULT * OUT];
static _Alignas(16) int32_t bias[OUT], multipliers[OUT], shifts[OUT];
static _Alignas(16) uint8_t scratch[SCRATCH];

static uint32_t draw(void) {
  static uint32_t state = 2463534242u;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

static void fill(void) {
  for (size_t i = 0; i < sizeof source; i++) source[i] = (int8_t)draw();
  for (size_t i = 0; i < sizeof weights; i++) weights[i] = (int8_t)((int)(draw() % 255) - 127);
  for (int c = 0; c < OUT; c++) {
    bias[c] = (int32_t)(draw() % 4001) - 2000;
    /* Times 2^-9 to 2^-8, or half of it: few sums of so many products leave the range of int8. */
    multipliers[c] = (int32_t)(0x40000000 + draw() % 0x3fffffff);
    shifts[c] = DEPTHWISE ? -8 : -9;
  }
}

static int8_t defined(int y, int x, int c) {
  int64_t sum = bias[c];
  for (int i = 0; i < KERNEL; i++) {
    for (int j = 0; j < KERNEL; j++) {
      const int row = y * STRIDE + i - PAD, column = x * STRIDE + j - PAD;
      if (row < 0 || row >= SIDE || column < 0 || column >= SIDE) continue;
      const int8_t *pixel = source + (row * SIDE + column) * IN;
      const int tap = i * KERNEL + j;
      if (DEPTHWISE) {
        sum += (pixel[c] - ZERO_IN) * weights[tap * OUT + c];
      } else {
        for (int k = 0; k < IN; k++)
          sum += (pixel[k] - ZERO_IN) * weights[(c * KERNEL * KERNEL + tap) * IN + k];
      }
    }
  }
  const int places = 31 - shifts[c];
  sum = (sum * multipliers[c] + (INT64_C(1) << (places - 1))) >> places;
  sum += ZERO_OUT;
  return (int8_t)(sum < -128 ? -128 : sum > 127 ? 127 : sum);
}

int main(void) {
  const cmsis_nn_dims in = {1, SIDE, SIDE, IN}, out = {1, RESULT, RESULT, OUT};
  const cmsis_nn_dims vector = {1, 1, 1, OUT};
  const cmsis_nn_per_channel_quant_params quant = {multipliers, shifts};
  const cmsis_nn_tile stride = {STRIDE, STRIDE}, pad = {PAD, PAD}, one = {1, 1};
  const cmsis_nn_activation range = {-128, 127};
  cmsis_nn_context context = {scratch, 0};
  arm_cmsis_nn_status status;
  fill();
#if LAYER == 1
  const cmsis_nn_dims filter = {1, KERNEL, KERNEL, OUT};
  const cmsis_nn_dw_conv_params conv = {-ZERO_IN, ZERO_OUT, 1, stride, pad, one, range};
  context.size = arm_depthwise_conv_wrapper_s8_get_buffer_size(&conv, &in, &filter, &out);
  if (context.size > SCRATCH) return FAILED;
  PV_STAMP(0, 0);
  status = arm_depthwise_conv_wrapper_s8(&context, &conv, &quant, &in, source, &filter, weights,
                                         &vector, bias, &out, result);
  PV_STAMP(0, 0);
#else
  const cmsis_nn_dims filter = {OUT, KERNEL, KERNEL, IN};
  const cmsis_nn_conv_params conv = {-ZERO_IN, ZERO_OUT, stride, pad, one, range};
#if LAYER == 2
  context.size = arm_convolve_wrapper_s8_get_buffer_size(&conv, &in, &filter, &out);
  if (context.size > SCRATCH) return FAILED;
  PV_STAMP(0, 0);
  status = arm_convolve_wrapper_s8(&context, &conv, &quant, &in, source, &filter, weights, &vector,
                                   bias, &out, result);
#else
  context.size = arm_convolve_1x1_s8_fast_get_buffer_size(&in);
  if (context.size > SCRATCH) return FAILED;
  PV_STAMP(0, 0);
  status = arm_convolve_1x1_s8_fast(&context, &conv, &quant, &in, source, &filter, weights, &vector,
                                    bias, &out, result);
#endif
  PV_STAMP(0, 0);
#endif
  if (status != ARM_CMSIS_NN_SUCCESS) return FAILED;
  for (int y = 0; y < RESULT; y++)
    for (int x = 0; x < RESULT; x++)
      for (int c = 0; c < OUT; c++)
        if (abs(result[(y * RESULT + x) * OUT + c] - defined(y, x, c)) > 1) return 1;
  return 0;
}
