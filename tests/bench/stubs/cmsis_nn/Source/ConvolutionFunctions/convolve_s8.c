/* The stand-in's functions: convolutions by their definition, nothing made fast. */
#include "arm_nnfunctions.h"
#include "requantize.h"

#ifndef STUB_STATUS
#define STUB_STATUS ARM_CMSIS_NN_SUCCESS
#endif

arm_cmsis_nn_status arm_convolve_wrapper_s8(const cmsis_nn_context *ctx,
                                            const cmsis_nn_conv_params *params,
                                            const cmsis_nn_per_channel_quant_params *quant,
                                            const cmsis_nn_dims *input_dims, const int8_t *input,
                                            const cmsis_nn_dims *filter_dims, const int8_t *filter,
                                            const cmsis_nn_dims *bias_dims, const int32_t *bias,
                                            const cmsis_nn_dims *output_dims, int8_t *output) {
  (void)ctx, (void)bias_dims;
  for (int y = 0; y < output_dims->h; y++)
    for (int x = 0; x < output_dims->w; x++)
      for (int c = 0; c < output_dims->c; c++) {
        int32_t sum = bias[c];
        for (int i = 0; i < filter_dims->h; i++)
          for (int j = 0; j < filter_dims->w; j++) {
            const int row = y * params->stride.h + i - params->padding.h;
            const int column = x * params->stride.w + j - params->padding.w;
            if (row < 0 || row >= input_dims->h || column < 0 || column >= input_dims->w) continue;
            const int8_t *pixel = input + (row * input_dims->w + column) * input_dims->c;
            const int8_t *tap =
                filter + ((c * filter_dims->h + i) * filter_dims->w + j) * filter_dims->c;
            for (int k = 0; k < input_dims->c; k++)
              sum += (pixel[k] + params->input_offset) * tap[k];
          }
        *output++ = requantize(sum, quant, c, params->output_offset);
      }
  return STUB_STATUS;
}

int32_t arm_convolve_wrapper_s8_get_buffer_size(const cmsis_nn_conv_params *params,
                                                const cmsis_nn_dims *input_dims,
                                                const cmsis_nn_dims *filter_dims,
                                                const cmsis_nn_dims *output_dims) {
  (void)params, (void)input_dims, (void)filter_dims, (void)output_dims;
  return 0;
}

arm_cmsis_nn_status arm_convolve_1x1_s8_fast(const cmsis_nn_context *ctx,
                                             const cmsis_nn_conv_params *params,
                                             const cmsis_nn_per_channel_quant_params *quant,
                                             const cmsis_nn_dims *input_dims, const int8_t *input,
                                             const cmsis_nn_dims *filter_dims, const int8_t *filter,
                                             const cmsis_nn_dims *bias_dims, const int32_t *bias,
                                             const cmsis_nn_dims *output_dims, int8_t *output) {
  return arm_convolve_wrapper_s8(ctx, params, quant, input_dims, input, filter_dims, filter,
                                 bias_dims, bias, output_dims, output);
}

int32_t arm_convolve_1x1_s8_fast_get_buffer_size(const cmsis_nn_dims *input_dims) {
  (void)input_dims;
  return 0;
}

arm_cmsis_nn_status arm_depthwise_conv_wrapper_s8(
    const cmsis_nn_context *ctx, const cmsis_nn_dw_conv_params *params,
    const cmsis_nn_per_channel_quant_params *quant, const cmsis_nn_dims *input_dims,
    const int8_t *input, const cmsis_nn_dims *filter_dims, const int8_t *filter,
    const cmsis_nn_dims *bias_dims, const int32_t *bias, const cmsis_nn_dims *output_dims,
    int8_t *output) {
  (void)ctx, (void)bias_dims;
  for (int y = 0; y < output_dims->h; y++)
    for (int x = 0; x < output_dims->w; x++)
      for (int c = 0; c < output_dims->c; c++) {
        int32_t sum = bias[c];
        for (int i = 0; i < filter_dims->h; i++)
          for (int j = 0; j < filter_dims->w; j++) {
            const int row = y * params->stride.h + i - params->padding.h;
            const int column = x * params->stride.w + j - params->padding.w;
            if (row < 0 || row >= input_dims->h || column < 0 || column >= input_dims->w) continue;
            sum +=
                (input[(row * input_dims->w + column) * input_dims->c + c] + params->input_offset) *
                filter[(i * filter_dims->w + j) * output_dims->c + c];
          }
        *output++ = requantize(sum, quant, c, params->output_offset);
      }
  return STUB_STATUS;
}

int32_t arm_depthwise_conv_wrapper_s8_get_buffer_size(const cmsis_nn_dw_conv_params *params,
                                                      const cmsis_nn_dims *input_dims,
                                                      const cmsis_nn_dims *filter_dims,
                                                      const cmsis_nn_dims *output_dims) {
  (void)params, (void)input_dims, (void)filter_dims, (void)output_dims;
  return 0;
}
