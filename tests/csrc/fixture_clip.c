/* An encoder and a decoder of clips written by hand: -DENCODER, else the decoder.
 *
 * The encoder's value i is the mean of the frame's bytes whose index is i modulo WIDTH. The
 * decoder's class k is the sum of the values k modulo CLASSES weighed by their step, so that order
 * tells; it fails where the newest vector begins with FAILS. */
#include "pocketvision/model.h"

#define SIZE 16
#define WIDTH 12
#ifndef STEPS
#define STEPS 16
#endif
#define CLASSES 3
#ifndef FAILS
#define FAILS 1000
#endif
#ifndef ARCH
#if defined(__x86_64__)
#define ARCH PV_ARCH_X86_64
#else
#define ARCH PV_ARCH_AARCH64
#endif
#endif

static int8_t limited(int32_t value) {
  return (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
}

#ifdef ENCODER
static int run(const void *const *in, void *const *out, void *arena) {
  const int8_t *pixels = (const int8_t *)in[0];
  int32_t *sums = (int32_t *)arena;
  for (int i = 0; i < WIDTH; i++) sums[i] = 0;
  for (int i = 0; i < SIZE * SIZE * 3; i++) sums[i % WIDTH] += pixels[i];
  for (int i = 0; i < WIDTH; i++) ((int8_t *)out[0])[i] = limited(sums[i] / 64);
  return 0;
}
static const pv_tensor inputs[] = {{"frame", PV_DTYPE_INT8, 3, {SIZE, SIZE, 3}, 1.0f / 64, 0}};
static const pv_tensor outputs[] = {{"vector", PV_DTYPE_INT8, 1, {WIDTH}, 0.25f, 3}};
#else
static int run(const void *const *in, void *const *out, void *arena) {
  const int8_t *window = (const int8_t *)in[0];
  int32_t *sums = (int32_t *)arena;
  if (window[(STEPS - 1) * WIDTH] == FAILS) return 1;
  for (int i = 0; i < CLASSES; i++) sums[i] = 0;
  for (int i = 0; i < STEPS * WIDTH; i++) sums[i % CLASSES] += window[i] * (i / WIDTH + 1);
  for (int i = 0; i < CLASSES; i++) ((int8_t *)out[0])[i] = limited(sums[i] / 64);
  return 0;
}
static const pv_tensor inputs[] = {{"window", PV_DTYPE_INT8, 2, {STEPS, WIDTH}, 0.5f, -1}};
static const pv_tensor outputs[] = {{"logits", PV_DTYPE_INT8, 1, {CLASSES}, 0.125f, 0}};
#endif

#ifndef SHA
#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#endif

__attribute__((visibility("default"))) const pv_model pocketvision_model = {
    .magic = PV_MODEL_MAGIC,
    .abi_version = PV_ABI_VERSION,
    .struct_bytes = sizeof(pv_model),
    .arch = ARCH,
    .arena_bytes = 64,
    .arena_alignment = 64,
    .input_count = 1,
    .output_count = 1,
    .inputs = inputs,
    .outputs = outputs,
    .target = "test",
    .source_sha256 = SHA,
    .record = RECORD,
    .run = run,
};
