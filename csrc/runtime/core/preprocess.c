/* Normalisation and quantisation of pixels through tables. */
#include "pocketvision/preprocess.h"

#include <math.h>

pv_status pv_pixel_tables_init(pv_pixel_tables *tables, const pv_tensor *input, const float mean[3],
                               const float std[3], int reversed) {
  if (tables == NULL || input == NULL || mean == NULL || std == NULL) return PV_ERR_ARGUMENT;
  if (input->rank != 3 || input->shape[2] != 3 || input->dtype == PV_DTYPE_FLOAT32) {
    return PV_ERR_TENSOR;
  }
  const int32_t low = input->dtype == PV_DTYPE_INT8 ? -128 : 0;
  const int32_t high = low + 255;
  for (int channel = 0; channel < 3; channel++) {
    if (!isfinite(mean[channel]) || !isfinite(std[channel]) || std[channel] == 0.0f) {
      return PV_ERR_NOT_FINITE;
    }
    tables->source[channel] = (uint8_t)(reversed ? 2 - channel : channel);
    for (int pixel = 0; pixel < 256; pixel++) {
      const float real = ((float)pixel - mean[channel]) / std[channel];
      /* The default rounding mode of C is to nearest, ties to even. Saturate before the
       * conversion: a float beyond int32 has no defined value there. */
      float stored = rintf(real / input->scale) + (float)input->zero_point;
      if (!(stored > (float)low)) stored = (float)low;
      if (stored > (float)high) stored = (float)high;
      tables->value[channel][pixel] = (uint8_t)(int32_t)stored;
    }
  }
  return PV_OK;
}

void pv_pixels_to_input(const pv_pixel_tables *tables, const uint8_t *pixels, size_t count,
                        void *input) {
  uint8_t *out = (uint8_t *)input;
  const size_t first = tables->source[0], second = tables->source[1], third = tables->source[2];
  for (size_t i = 0; i < count; i++, pixels += 3, out += 3) {
    out[0] = tables->value[0][pixels[first]];
    out[1] = tables->value[1][pixels[second]];
    out[2] = tables->value[2][pixels[third]];
  }
}
