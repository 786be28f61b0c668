/* Tests of the C interface: one program, non-zero exit and a line on stderr for each failure. */
#include <math.h>
#include <string.h>

#include "expect.h"
#include "pocketvision/compare.h"
#include "pocketvision/loader.h"
#include "pocketvision/preprocess.h"
#include "pocketvision/session.h"
#include "pocketvision/template.h"

static int copy_run(const void *const *in, void *const *out, void *arena) {
  memcpy(arena, in[0], 4);
  memcpy(out[0], arena, 4);
  return ((const int8_t *)in[0])[0] == 99 ? 5 : 0;
}

/* Two inputs of four values to their sums and differences. */
static int sum_run(const void *const *in, void *const *out, void *arena) {
  (void)arena;
  const int8_t *a = (const int8_t *)in[0], *b = (const int8_t *)in[1];
  for (int i = 0; i < 4; i++) {
    ((int8_t *)out[0])[i] = (int8_t)(a[i] + b[i]);
    ((int8_t *)out[1])[i] = (int8_t)(a[i] - b[i]);
  }
  return 0;
}

static void test_status(void) {
  for (int status = PV_OK; status <= PV_ERR_DIGEST; status++) {
    EXPECT(strcmp(pv_status_message((pv_status)status), "unknown status") != 0);
    for (int other = PV_OK; other < status; other++) {
      EXPECT(strcmp(pv_status_message((pv_status)status), pv_status_message((pv_status)other)) !=
             0);
    }
  }
  EXPECT(strcmp(pv_status_message((pv_status)12345), "unknown status") == 0);
}

static void test_session(void) {
  valid_ends ends;
  const pv_model model = valid_model(&ends, 1, 4, copy_run);
  _Alignas(16) unsigned char arena[32];
  pv_session session;
  EXPECT(pv_model_check(&model) == PV_OK);
  EXPECT(pv_model_check(NULL) == PV_ERR_ARGUMENT);
  EXPECT(pv_session_init(&session, &model, arena, 3) == PV_ERR_ARENA);
  EXPECT(pv_session_init(&session, &model, arena + 1, 4) == PV_ERR_ARENA);
  EXPECT(pv_session_init(&session, &model, NULL, 4) == PV_ERR_ARENA);
  EXPECT(pv_session_init(NULL, &model, arena, 4) == PV_ERR_ARGUMENT);
  EXPECT(pv_session_init(&session, &model, arena, 4) == PV_OK);
  int8_t in[4] = {1, -2, 3, -4}, out[4] = {0};
  EXPECT(pv_session_run_one(&session, in, out) == PV_OK);
  EXPECT(memcmp(in, out, 4) == 0);
  EXPECT(pv_session_run_one(&session, NULL, out) == PV_ERR_ARGUMENT);
  EXPECT(pv_session_run_one(&session, in, NULL) == PV_ERR_ARGUMENT);
  EXPECT(pv_session_run_one(NULL, in, out) == PV_ERR_ARGUMENT);
  in[0] = 99;
  EXPECT(pv_session_run_one(&session, in, out) == PV_ERR_RUN);
}

static void test_several_tensors(void) {
  valid_ends ends;
  pv_model model = valid_model(&ends, 1, 4, sum_run);
  const pv_tensor inputs[2] = {ends.input, ends.input}, outputs[2] = {ends.output, ends.output};
  model.inputs = inputs;
  model.outputs = outputs;
  model.input_count = model.output_count = 2;
  EXPECT(pv_model_check(&model) == PV_OK && !pv_takes_a_face(&model));
  const int8_t a[4] = {1, 2, 3, 4}, b[4] = {5, -6, 7, 8};
  int8_t sum[4] = {0}, difference[4] = {0};
  const void *in[2] = {a, b}, *lacking[2] = {a, NULL};
  void *out[2] = {sum, difference};
  _Alignas(16) unsigned char arena[16];
  pv_session session;
  EXPECT(pv_session_init(&session, &model, arena, sizeof arena) == PV_OK);
  EXPECT(pv_session_run(&session, in, out) == PV_OK);
  EXPECT(sum[1] == -4 && difference[1] == 8 && difference[3] == -4);
  EXPECT(pv_session_run(&session, lacking, out) == PV_ERR_ARGUMENT);
  EXPECT(pv_session_run(&session, NULL, out) == PV_ERR_ARGUMENT);
  EXPECT(pv_session_run(&session, in, NULL) == PV_ERR_ARGUMENT);
  out[1] = NULL;
  EXPECT(pv_session_run(&session, in, out) == PV_ERR_ARGUMENT);
  EXPECT(pv_session_run_one(&session, a, sum) == PV_ERR_ARGUMENT);
}

static pv_status checked(pv_tensor tensor) {
  valid_ends ends;
  pv_model model = valid_model(&ends, 1, 4, copy_run);
  ends.output = tensor;
  return pv_model_check(&model);
}

static void test_tensors(void) {
  const pv_tensor good = {"x", PV_DTYPE_UINT8, 6, {1, 2, 3, 4, 5, 6}, 1.0f, 255};
  EXPECT(checked(good) == PV_OK && pv_tensor_bytes(&good) == 720);
  pv_tensor bad = good;
  for (bad.rank = 0; bad.rank < 9; bad.rank += bad.rank == 0 ? PV_MAX_RANK + 1 : 1) {
    EXPECT(checked(bad) == PV_ERR_TENSOR);
  }
  bad = good;
  for (int axis = 0; axis < PV_MAX_RANK; axis++) bad.shape[axis] = UINT32_MAX;
  EXPECT(checked(bad) == PV_ERR_TENSOR); /* whose product overflows */
  bad = good;
  bad.shape[3] = 0;
  EXPECT(checked(bad) == PV_ERR_TENSOR);
  bad = good;
  bad.name = NULL;
  EXPECT(checked(bad) == PV_ERR_STRUCT);
  valid_ends ends;
  pv_model model = valid_model(&ends, 1, 4, copy_run);
  model.input_count = 0;
  EXPECT(pv_model_check(&model) == PV_ERR_TENSOR);
  model.input_count = PV_MAX_TENSORS + 1;
  EXPECT(pv_model_check(&model) == PV_ERR_TENSOR);
  model.input_count = 1;
  model.outputs = NULL;
  EXPECT(pv_model_check(&model) == PV_ERR_STRUCT);
}

static void test_floats(void) {
  const pv_tensor good = {"x", PV_DTYPE_FLOAT32, 3, {1, 2, 3}, 1.0f, 0};
  EXPECT(checked(good) == PV_OK && pv_tensor_bytes(&good) == 24);
  pv_tensor bad = good;
  bad.scale = 0.5f;
  EXPECT(checked(bad) == PV_ERR_TENSOR);
  bad = good;
  bad.zero_point = 1;
  EXPECT(checked(bad) == PV_ERR_TENSOR);
  bad = good;
  bad.dtype = PV_DTYPE_FLOAT32 + 1;
  EXPECT(checked(bad) == PV_ERR_TENSOR);
  bad.dtype = 0;
  EXPECT(checked(bad) == PV_ERR_TENSOR);
  bad = good;
  bad.shape[0] = 1 << 14, bad.shape[1] = 1 << 12, bad.shape[2] = 1;
  EXPECT(checked(bad) == PV_OK && pv_tensor_bytes(&bad) == PV_MAX_TENSOR_BYTES);
  bad.shape[2] = 2;
  EXPECT(checked(bad) == PV_ERR_TENSOR); /* twice as many bytes as there may be */

  /* Faces are of 8 bits. */
  valid_ends ends;
  pv_model model = valid_model(&ends, 2, 3, copy_run);
  EXPECT(pv_takes_a_face(&model));
  ends.output.dtype = PV_DTYPE_FLOAT32;
  EXPECT(!pv_takes_a_face(&model));
  ends.output.dtype = PV_DTYPE_INT8;
  ends.input.dtype = PV_DTYPE_FLOAT32;
  EXPECT(!pv_takes_a_face(&model));
  const float mean[3] = {0, 0, 0}, std[3] = {1, 1, 1}, values[6] = {0};
  float real[6];
  int8_t face[6];
  pv_pixel_tables tables;
  EXPECT(pv_pixel_tables_init(&tables, &good, mean, std, 0) == PV_ERR_TENSOR);
  EXPECT(pv_dequantise(&good, values, real) == PV_ERR_TENSOR);
  EXPECT(pv_template_make(&good, values, face) == PV_ERR_TENSOR);
}

static void test_banks(void) {
  valid_ends ends;
  pv_model model = valid_model(&ends, 1, 4, copy_run);
  _Alignas(16) unsigned char arena[32];
  pv_session session;
  void *banks[2] = {arena, arena};
  EXPECT(pv_session_init_banks(&session, &model, banks, 2) == PV_ERR_ARENA);
  model.banks = 2;
  EXPECT(pv_model_check(&model) == PV_OK);
  EXPECT(pv_session_init(&session, &model, arena, 4) == PV_ERR_ARENA);
  EXPECT(pv_session_init_banks(&session, &model, banks, 2) == PV_OK && session.arena == banks);
  EXPECT(pv_session_init_banks(&session, &model, banks, 1) == PV_ERR_ARENA);
  EXPECT(pv_session_init_banks(&session, &model, NULL, 2) == PV_ERR_ARGUMENT);
  banks[1] = arena + 1;
  EXPECT(pv_session_init_banks(&session, &model, banks, 2) == PV_ERR_ARENA);
  banks[1] = NULL;
  EXPECT(pv_session_init_banks(&session, &model, banks, 2) == PV_ERR_ARENA);
  model.banks = 1;
  EXPECT(pv_model_check(&model) == PV_ERR_ARENA);
  model.banks = PV_MAX_BANKS + 1;
  EXPECT(pv_model_check(&model) == PV_ERR_ARENA);
}

static void test_compare(void) {
  valid_ends ends;
  const pv_model model = valid_model(&ends, 1, 4, copy_run);
  const int8_t stored[4] = {1, 3, -1, 127};
  float real[4];
  EXPECT(pv_dequantise(&model.outputs[0], stored, real) == PV_OK);
  EXPECT(real[0] == 0.0f && real[1] == 1.0f && real[2] == -1.0f && real[3] == 63.0f);
  float vector[3] = {3, 0, 4}, zero[3] = {0, 0, 0};
  EXPECT(pv_l2_normalise(vector, 3) == PV_OK);
  EXPECT(fabsf(vector[0] - 0.6f) < 1e-6f && fabsf(vector[2] - 0.8f) < 1e-6f);
  EXPECT(pv_l2_normalise(zero, 3) == PV_ERR_ZERO_NORM);
  vector[0] = NAN;
  EXPECT(pv_l2_normalise(vector, 3) == PV_ERR_NOT_FINITE);

  const float gallery[8] = {1, 0, 0, 1, 1, 0, -1, 0}, query[2] = {1, 0};
  int64_t indices[3];
  float scores[3];
  EXPECT(pv_top_k(query, gallery, 4, 2, 3, indices, scores) == PV_OK);
  EXPECT(indices[0] == 0 && indices[1] == 2 && indices[2] == 1);
  EXPECT(scores[0] == 1.0f && scores[1] == 1.0f && scores[2] == 0.0f);
  EXPECT(pv_top_k(query, gallery, 4, 2, 5, indices, scores) == PV_ERR_ARGUMENT);
}

static void test_warp_at_extremes(void) {
  const uint8_t pixels[12] = {10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120};
  const pv_picture picture = {pixels, 2, 2};
  uint8_t crop[48];
  const pv_similarity identity = {1, 0, 0, 0}, far_away = {1e-6, 0, 1e12, -1e12};
  EXPECT(pv_warp(&picture, &identity, crop, 2, 2) == PV_OK);
  EXPECT(memcmp(crop, pixels, sizeof pixels) == 0);
  EXPECT(pv_warp(&picture, &far_away, crop, 4, 4) == PV_OK);
  for (size_t i = 0; i < sizeof crop; i++) EXPECT(crop[i] == 0);
  const pv_similarity nothing = {0, 0, 0, 0}, undefined = {1, 0, NAN, 0};
  EXPECT(pv_warp(&picture, &nothing, crop, 4, 4) == PV_ERR_NOT_FINITE);
  EXPECT(pv_warp(&picture, &undefined, crop, 4, 4) == PV_ERR_NOT_FINITE);
  EXPECT(pv_warp(&picture, &identity, crop, 0, 4) == PV_ERR_ARGUMENT);

  const double from[4] = {0, 0, 2, 0}, to[4] = {1, 1, 1, 5};
  pv_similarity fitted;
  EXPECT(pv_similarity_fit(from, to, 2, &fitted) == PV_ERR_DEGENERATE);
  const double corner[6] = {0, 0, 2, 0, 0, 2}, turned[6] = {1, 1, 1, 5, -3, 1};
  EXPECT(pv_similarity_fit(corner, turned, 3, &fitted) == PV_OK);
  EXPECT(fabs(fitted.a) < 1e-12 && fabs(fitted.b - 2) < 1e-12);
  EXPECT(fabs(fitted.tx - 1) < 1e-12 && fabs(fitted.ty - 1) < 1e-12);
}

static void test_tables(void) {
  const pv_tensor input = {"in", PV_DTYPE_UINT8, 3, {1, 1, 3}, 1.0f, 10};
  const float mean[3] = {0, 128, 0}, std[3] = {2, 1, 1};
  pv_pixel_tables tables;
  EXPECT(pv_pixel_tables_init(&tables, &input, mean, std, 1) == PV_OK);
  const uint8_t pixel[3] = {250, 130, 5};
  uint8_t stored[3];
  pv_pixels_to_input(&tables, pixel, 1, stored);
  /* Blue first: 5 / 2 rounds to the even 2; 130 - 128; 250 + 10 saturates. */
  EXPECT(stored[0] == 12 && stored[1] == 12 && stored[2] == 255);
}

static void test_library(const char *path) {
  char detail[256];
  pv_library library;
  EXPECT(pv_library_open(&library, "/nonexistent/model.so", detail, sizeof detail) == PV_ERR_OPEN);
  EXPECT(library.handle == NULL && detail[0] != '\0');
  EXPECT(pv_library_open(&library, __FILE__, detail, sizeof detail) == PV_ERR_FORMAT);
  EXPECT(pv_library_open(&library, path, detail, sizeof detail) == PV_OK);
  EXPECT(library.model != NULL && strcmp(library.model->target, "test") == 0);
  pv_library_close(&library);
  EXPECT(library.handle == NULL);
  pv_library_close(&library);
}

int main(int argc, char **argv) {
  test_status();
  test_session();
  test_several_tensors();
  test_tensors();
  test_floats();
  test_banks();
  test_compare();
  test_warp_at_extremes();
  test_tables();
  if (argc > 1) test_library(argv[1]);
  return failures > 0;
}
