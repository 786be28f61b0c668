/* What the C tests share: a check that is counted, and a valid description of a model. */
#ifndef POCKETVISION_TESTS_EXPECT_H
#define POCKETVISION_TESTS_EXPECT_H

#include <stdatomic.h>
#include <stdio.h>

#include "pocketvision/loader.h"

static atomic_int failures;

#define EXPECT(condition)                                                     \
  do {                                                                        \
    if (!(condition)) {                                                       \
      fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
      failures++;                                                             \
    }                                                                         \
  } while (0)

/* What the description of valid_model() points to. */
typedef struct valid_ends {
  pv_tensor input, output;
} valid_ends;

/* One row of `width` pixels of `channels` to four values, through an arena of four bytes; `ends`
 * must outlive it. */
static inline pv_model valid_model(valid_ends *ends, uint32_t width, uint32_t channels,
                                   int (*run)(const void *const *in, void *const *out,
                                              void *arena)) {
  const pv_tensor input = {"in", PV_DTYPE_INT8, 3, {1, width, channels}, 0.5f, 0};
  const pv_tensor output = {"out", PV_DTYPE_INT8, 1, {4}, 0.5f, 1};
  ends->input = input;
  ends->output = output;
  const pv_model model = {
      .magic = PV_MODEL_MAGIC,
      .abi_version = PV_ABI_VERSION,
      .struct_bytes = sizeof(pv_model),
      .arch = pv_host_arch(),
      .arena_bytes = 4,
      .arena_alignment = 16,
      .input_count = 1,
      .output_count = 1,
      .inputs = &ends->input,
      .outputs = &ends->output,
      .target = "test",
      .source_sha256 = "",
      .record = "{}",
      .run = run,
  };
  return model;
}

#endif
