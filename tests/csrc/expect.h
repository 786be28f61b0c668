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

/* One row of `width` pixels of `channels` to four values, through an arena of four bytes. */
static inline pv_model valid_model(uint32_t width, uint32_t channels,
                                   int (*run)(const void *in, void *out, void *arena)) {
  const pv_model model = {
      .magic = PV_MODEL_MAGIC,
      .abi_version = PV_ABI_VERSION,
      .struct_bytes = sizeof(pv_model),
      .arch = pv_host_arch(),
      .arena_bytes = 4,
      .arena_alignment = 16,
      .input = {"in", PV_DTYPE_INT8, 1, width, channels, 0.5f, 0},
      .output = {"out", PV_DTYPE_INT8, 1, 1, 4, 0.5f, 1},
      .target = "test",
      .source_sha256 = "",
      .record = "{}",
      .run = run,
  };
  return model;
}

#endif
