/* A detector written by hand: a cell of stride 8 is a face as far as the picture is bright at its
 * centre, with a box of a stride to each side, and eyes, nose and mouth corners half of that away.
 * Cells of strides 16 and 32 never are. */
#include <string.h>

#include "pocketvision/model.h"

enum { HEIGHT = 64, WIDTH = 96, CHANNELS = 16 };

static const pv_tensor inputs[] = {{"input", PV_DTYPE_INT8, 3, {HEIGHT, WIDTH, 3}, 1.0f, 0}};
static const pv_tensor outputs[] = {
    {"stride8", PV_DTYPE_INT8, 3, {HEIGHT / 8, WIDTH / 8, CHANNELS}, 1.0f / 32, 0},
    {"stride16", PV_DTYPE_INT8, 3, {HEIGHT / 16, WIDTH / 16, CHANNELS}, 1.0f / 32, 0},
    {"stride32", PV_DTYPE_INT8, 3, {HEIGHT / 32, WIDTH / 32, CHANNELS}, 1.0f / 32, 0},
};

static int run(const void *const *in, void *const *out, void *arena) {
  (void)arena;
  static const int8_t cell[CHANNELS] = {0,  0,   32, 32, 32,  32, -16, -16,
                                        16, -16, 0,  0,  -16, 16, 16,  16};
  const int8_t *pixels = (const int8_t *)in[0];
  int8_t *found = (int8_t *)out[0];
  for (int row = 0; row < HEIGHT / 8; row++) {
    for (int column = 0; column < WIDTH / 8; column++, found += CHANNELS) {
      const int8_t *pixel = pixels + 3 * ((8 * row + 4) * WIDTH + 8 * column + 4);
      memcpy(found, cell, CHANNELS);
      found[0] = found[1] = (int8_t)((pixel[0] + pixel[1] + pixel[2]) / 3);
    }
  }
  memset(out[1], -128, HEIGHT / 16 * (WIDTH / 16) * CHANNELS);
  memset(out[2], -128, HEIGHT / 32 * (WIDTH / 32) * CHANNELS);
  return 0;
}

extern const pv_model pocketvision_model;
const pv_model pocketvision_model = {
    .magic = PV_MODEL_MAGIC,
    .abi_version = PV_ABI_VERSION,
    .struct_bytes = sizeof(pv_model),
#if defined(__x86_64__)
    .arch = PV_ARCH_X86_64,
#else
    .arch = PV_ARCH_AARCH64,
#endif
    .arena_alignment = 64,
    .input_count = 1,
    .output_count = 3,
    .inputs = inputs,
    .outputs = outputs,
    .target = "test",
    .source_sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    .record = RECORD,
    .run = run,
};
