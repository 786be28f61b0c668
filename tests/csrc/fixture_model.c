/* A compiled model written by hand: tests build it with -D to vary each field of the description.
 *
 * Output i is the sum of the input bytes whose index is i modulo the output's size, saturated,
 * through the arena if there is one: a run that shares its arena with another gives wrong sums. */
#define _POSIX_C_SOURCE 199309L
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

__attribute__((unused)) static int run(const void *in, void *out, void *arena) {
  const element *pixels = (const element *)in;
  element *result = (element *)out;
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
__attribute__((unused)) static int run_picky(const void *in, void *out, void *arena) {
  return *(const element *)in == LOW ? 1 : run(in, out, arena);
}

__attribute__((unused)) static int run_slow(const void *in, void *out, void *arena) {
  const struct timespec pause = {0, 20000000};
  nanosleep(&pause, NULL);
  return run(in, out, arena);
}

__attribute__((unused)) static int run_zeros(const void *in, void *out, void *arena) {
  (void)in;
  (void)arena;
  element *result = (element *)out;
  for (int i = 0; i < OUT_CHANNELS; i++) result[i] = (element)(ZERO_POINT);
  return 0;
}

__attribute__((visibility("default"))) const pv_model SYMBOL = {
    .magic = MAGIC,
    .abi_version = ABI,
    .struct_bytes = STRUCT_BYTES,
    .arch = ARCH,
    .features = FEATURES,
    .arena_bytes = ARENA_BYTES,
    .arena_alignment = ARENA_ALIGNMENT,
    .input = {"input", DTYPE, HEIGHT, WIDTH, 3, SCALE, ZERO_POINT},
    .output = {"embedding", DTYPE, 1, 1, OUT_CHANNELS, SCALE, ZERO_POINT},
    .target = TARGET,
    .source_sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    .record = RECORD,
    .run = RUN,
};
