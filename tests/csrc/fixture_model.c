/* A compiled model written by hand: tests build it with -D to vary each field of the description.
 *
 * Output i is the sum of the input bytes whose index is i modulo the output's size, saturated,
 * through the arena if there is one: a run that shares its arena with another gives wrong sums. */
#define _POSIX_C_SOURCE 199309L
#include <string.h>
#include <time.h>

#include "pocketvision/model.h"

#ifndef MAGIC
#define MAGIC PV_MODEL_MAGIC
#endif
#ifndef ABI
#define ABI PV_ABI_VERSION
#endif
#ifndef STRUCT_BYTES
#define STRUCT_BYTES sizeof(pv_model)
#endif
#ifndef SHA
#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#endif
#ifndef FEATURES
#define FEATURES 0
#endif
#ifndef ARENA_BYTES
#define ARENA_BYTES (OUT_CHANNELS * sizeof(int32_t))
#endif
#ifndef ARENA_ALIGNMENT
#define ARENA_ALIGNMENT 64
#endif
#ifndef DTYPE
#define DTYPE 1 /* PV_DTYPE_INT8; the preprocessor compares it */
#endif
#ifndef HEIGHT
#define HEIGHT 112
#endif
#ifndef WIDTH
#define WIDTH HEIGHT
#endif
#ifndef OUT_CHANNELS
#define OUT_CHANNELS 128
#endif
#ifndef SCALE
#define SCALE (1.0f / 128)
#endif
#ifndef ZERO_POINT
#define ZERO_POINT 0
#endif
#ifndef TARGET
#define TARGET "test"
#endif
#ifndef RECORD
#define RECORD "{}"
#endif
#ifndef RESULT
#define RESULT 0
#endif
#ifndef SYMBOL
#define SYMBOL pocketvision_model
#endif
#ifndef RUN
#define RUN run
#endif
#ifndef ARCH
#if defined(__x86_64__)
#define ARCH PV_ARCH_X86_64
#else
#define ARCH PV_ARCH_AARCH64
#endif
#endif

#if DTYPE == 1
typedef int8_t element;
#define LOW -128
#else
typedef uint8_t element;
#define LOW 0
#endif

#define PARAMETERS const void *const *in, void *const *out, void *arena

__attribute__((unused)) static int run(PARAMETERS) {
  const element *pixels = (const element *)in[0];
  element *result = (element *)out[0];
  int32_t *sums = (int32_t *)arena;
  for (int i = 0; i < OUT_CHANNELS; i++) sums[i] = 0;
  for (int i = 0; i < HEIGHT * WIDTH * 3; i++) sums[i % OUT_CHANNELS] += pixels[i];
  for (int i = 0; i < OUT_CHANNELS; i++) {
    int32_t value = sums[i] / 128;
    value = value < LOW ? LOW : value > LOW + 255 ? LOW + 255 : value;
    result[i] = (element)value;
  }
  return RESULT;
}

/* Refuses a face whose first value is the least there is. */
__attribute__((unused)) static int run_picky(PARAMETERS) {
  return *(const element *)in[0] == LOW ? 1 : run(in, out, arena);
}

__attribute__((unused)) static int run_slow(PARAMETERS) {
  const struct timespec pause = {0, 20000000};
  nanosleep(&pause, NULL);
  return run(in, out, arena);
}

__attribute__((unused)) static int run_zeros(PARAMETERS) {
  (void)in;
  (void)arena;
  element *result = (element *)out[0];
  for (int i = 0; i < OUT_CHANNELS; i++) result[i] = (element)(ZERO_POINT);
  return 0;
}

/* A third network: two inputs (2, 3), of which the second is uint8, to three outputs. */
__attribute__((unused)) static int run_several(PARAMETERS) {
  (void)arena;
  const int8_t *a = (const int8_t *)in[0];
  const uint8_t *b = (const uint8_t *)in[1];
  for (int i = 0; i < 6; i++) {
    ((int8_t *)out[0])[i] = a[i];
    ((uint8_t *)out[1])[5 - i] = b[i];
  }
  ((int8_t *)out[2])[0] = (int8_t)(a[0] + b[0]);
  return 0;
}

/* A fourth network: float32 (2, 3) doubled, and rounded to int8. */
__attribute__((unused)) static int run_real(PARAMETERS) {
  (void)arena;
  for (int i = 0; i < 6; i++) {
    float value;
    memcpy(&value, (const char *)in[0] + 4 * i, 4);
    ((int8_t *)out[1])[i] = (int8_t)value;
    value *= 2;
    memcpy((char *)out[0] + 4 * i, &value, 4);
  }
  return 0;
}

#ifdef REAL
static const pv_tensor inputs[] = {{"real", PV_DTYPE_FLOAT32, 2, {2, 3}, 1.0f, 0}};
static const pv_tensor outputs[] = {
    {"twice", PV_DTYPE_FLOAT32, 2, {2, 3}, 1.0f, 0},
    {"whole", PV_DTYPE_INT8, 1, {6}, 0.5f, -1},
};
#elif defined(SEVERAL)
static const pv_tensor inputs[] = {
    {"left", PV_DTYPE_INT8, 2, {2, 3}, 0.5f, -1},
    {"right", PV_DTYPE_UINT8, 2, {2, 3}, 0.25f, 128},
};
static const pv_tensor outputs[] = {
    {"copy", PV_DTYPE_INT8, 2, {2, 3}, 0.5f, -1},
    {"turned", PV_DTYPE_UINT8, 1, {6}, 0.25f, 128},
    {"sum", PV_DTYPE_INT8, 1, {1}, 2.0f, 0},
};
#else
static const pv_tensor inputs[] = {
    {"input", DTYPE, 3, {HEIGHT, WIDTH, 3}, SCALE, ZERO_POINT},
};
static const pv_tensor outputs[] = {
    {"embedding", DTYPE, 3, {1, 1, OUT_CHANNELS}, SCALE, ZERO_POINT},
};
#endif

__attribute__((visibility("default"))) const pv_model SYMBOL = {
    .magic = MAGIC,
    .abi_version = ABI,
    .struct_bytes = STRUCT_BYTES,
    .arch = ARCH,
    .features = FEATURES,
    .arena_bytes = ARENA_BYTES,
    .arena_alignment = ARENA_ALIGNMENT,
    .input_count = sizeof inputs / sizeof inputs[0],
    .output_count = sizeof outputs / sizeof outputs[0],
    .inputs = inputs,
    .outputs = outputs,
    .target = TARGET,
    .source_sha256 = SHA,
    .record = RECORD,
    .run = RUN,
};
