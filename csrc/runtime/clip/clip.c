/* The window of a stream of frames: vectors move up by one, as the decoder reads them in a row. */
#include "pocketvision/clip.h"

#include <math.h>
#include <string.h>

static int is_8_bit(const pv_tensor *tensor) {
  return tensor->dtype == PV_DTYPE_INT8 || tensor->dtype == PV_DTYPE_UINT8;
}

static int32_t value_of(const pv_tensor *tensor, uint32_t byte) {
  return tensor->dtype == PV_DTYPE_INT8 ? (int32_t)(int8_t)byte : (int32_t)byte;
}

/* round_half_even((stored - zero) * (scale / scale)) + zero, saturated: each step in float32, so
 * that every machine has the same table. */
static void fill_table(uint8_t table[256], const pv_tensor *from, const pv_tensor *to) {
  const float ratio = from->scale / to->scale;
  const int32_t low = to->dtype == PV_DTYPE_INT8 ? -128 : 0, high = low + 255;
  for (uint32_t byte = 0; byte < 256; byte++) {
    const float real = (float)(value_of(from, byte) - from->zero_point) * ratio;
    float moved = rintf(real) + (float)to->zero_point;
    if (moved < (float)low) moved = (float)low;
    if (moved > (float)high) moved = (float)high;
    table[byte] = (uint8_t)(int32_t)moved;
  }
}

static int is_a_pair(const pv_model *encoder, const pv_model *decoder) {
  if (encoder->input_count != 1 || encoder->output_count != 1 || decoder->input_count != 1 ||
      decoder->output_count != 1) {
    return 0;
  }
  const pv_tensor *vector = &encoder->outputs[0], *whole = &decoder->inputs[0];
  return is_8_bit(vector) && is_8_bit(whole) &&
         pv_tensor_bytes(whole) % pv_tensor_bytes(vector) == 0;
}

size_t pv_clip_window_bytes(const pv_model *encoder, const pv_model *decoder) {
  if (encoder == NULL || decoder == NULL || !is_a_pair(encoder, decoder)) return 0;
  return pv_tensor_bytes(&decoder->inputs[0]) + pv_tensor_bytes(&encoder->outputs[0]);
}

pv_status pv_clip_init(pv_clip *clip, const pv_model *encoder, const pv_model *decoder,
                       void *window) {
  if (clip == NULL || encoder == NULL || decoder == NULL || window == NULL) return PV_ERR_ARGUMENT;
  if (!is_a_pair(encoder, decoder)) return PV_ERR_TENSOR;
  const pv_tensor *vector = &encoder->outputs[0], *whole = &decoder->inputs[0];
  clip->window = (uint8_t *)window;
  clip->width = (uint32_t)pv_tensor_bytes(vector);
  clip->steps = (uint32_t)(pv_tensor_bytes(whole) / clip->width);
  clip->filled = 0;
  fill_table(clip->table, vector, whole);
  return PV_OK;
}

void pv_clip_reset(pv_clip *clip) {
  if (clip != NULL) clip->filled = 0;
}

pv_status pv_clip_push(pv_clip *clip, const pv_session *encoder, const pv_session *decoder,
                       const void *frame, void *scores, int *full) {
  if (clip == NULL || frame == NULL || scores == NULL || full == NULL) return PV_ERR_ARGUMENT;
  const size_t width = clip->width;
  uint8_t *vector = clip->window + clip->filled * width;
  pv_status status = pv_session_run_one(encoder, frame, vector);
  if (status != PV_OK) return status;
  for (size_t i = 0; i < width; i++) vector[i] = clip->table[vector[i]];
  *full = clip->filled + 1 >= clip->steps;
  if (*full) {
    /* The room for one is behind the window, so that nothing has moved if the decoder fails. */
    const uint8_t *first = clip->window + (clip->filled + 1 - clip->steps) * width;
    status = pv_session_run_one(decoder, first, scores);
    if (status != PV_OK) return status;
  }
  if (clip->filled < clip->steps) {
    clip->filled++;
  } else {
    memmove(clip->window, clip->window + width, clip->steps * width);
  }
  return PV_OK;
}
