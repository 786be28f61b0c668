/* Tests of embeddings in C: one face through each step by hand, and by several threads at once. */
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "pocketvision/compare.h"
#include "pocketvision/embed.h"
#include "pocketvision/pool.h"

#define WIDTH 40
#define PIXELS (WIDTH * 3)
#define FACES 50
#define THREADS 3

/* Four sums of the input, in the arena first: two runs in one arena would spoil each other. */
static int sums(const void *const *in, void *const *out, void *arena) {
  const int8_t *values = (const int8_t *)in[0];
  int8_t *sum = (int8_t *)arena;
  memset(sum, 0, 4);
  for (int i = 0; i < PIXELS; i++) sum[i % 4] = (int8_t)(sum[i % 4] / 2 + values[i] / 2);
  memcpy(out[0], sum, 4);
  return values[0] == 99 ? 1 : 0;
}

static pv_embedder embedders[THREADS];
static uint8_t crops[FACES * PIXELS];
static float embeddings[FACES * 4];
static pv_pixel_tables tables;

static void *give_memory(const pv_model *model) {
  const size_t bytes = pv_embedder_bytes(model), alignment = pv_embedder_alignment(model);
  EXPECT(alignment == 64 && bytes % alignment == 0);
  char *memory = (char *)aligned_alloc(alignment, THREADS * bytes);
  for (size_t i = 0; i < THREADS; i++) {
    EXPECT(pv_embedder_init(&embedders[i], model, memory + i * bytes, bytes) == PV_OK);
  }
  return memory;
}

static void test_refusals(const pv_model *model, void *memory) {
  pv_embedder embedder;
  const size_t bytes = pv_embedder_bytes(model);
  valid_ends ends;
  const pv_model grey = valid_model(&ends, WIDTH, 1, sums);
  EXPECT(pv_embedder_init(&embedder, model, NULL, bytes) == PV_ERR_ARGUMENT);
  EXPECT(pv_embedder_init(&embedder, model, memory, bytes - 1) == PV_ERR_ARENA);
  EXPECT(pv_embedder_init(&embedder, model, (char *)memory + 16, bytes) == PV_ERR_ARENA);
  EXPECT(pv_embedder_init(&embedder, &grey, memory, bytes) == PV_ERR_TENSOR);
}

static void expect_row(const uint8_t *crop, const float *row) {
  _Alignas(64) uint8_t input[PIXELS], arena[16];
  int8_t output[4];
  float wanted[4];
  valid_ends ends;
  const pv_model model = valid_model(&ends, WIDTH, 3, sums);
  const void *in = input;
  void *out = output;
  pv_pixels_to_input(&tables, crop, WIDTH, input);
  EXPECT(sums(&in, &out, arena) == 0);
  EXPECT(pv_dequantise(&model.outputs[0], output, wanted) == PV_OK);
  EXPECT(pv_l2_normalise(wanted, 4) == PV_OK);
  EXPECT(memcmp(wanted, row, sizeof wanted) == 0);
}

static void test_crops(pv_pool *pool) {
  pv_faces faces = {embedders, &tables, crops, {NULL, 0, 0}, NULL, NULL, embeddings, NULL, NULL, 0};
  const pv_batch batch = {FACES, pv_embed_face, &faces, NULL, NULL};
  for (int round = 0; round < 20; round++) {
    memset(embeddings, 0, sizeof embeddings);
    EXPECT(pv_pool_run(pool, &batch, NULL) == PV_OK);
    for (size_t i = 0; i < FACES; i++) expect_row(crops + i * PIXELS, embeddings + i * 4);
  }
  size_t failed = 0;
  const uint8_t kept = crops[30 * PIXELS];
  crops[30 * PIXELS] = 227; /* 99 for the model, which refuses it */
  EXPECT(pv_pool_run(pool, &batch, &failed) == PV_ERR_RUN && failed == 30);
  crops[30 * PIXELS] = kept;
}

static void test_a_picture(pv_pool *pool) {
  const double points[10] = {3, 0, 30, 1, 15, 4, 5, 9, 28, 8};
  double landmarks[FACES * 10];
  for (size_t i = 0; i < FACES * 10; i++) {
    landmarks[i] = points[i % 10] + (i % 2 ? 0.0 : (double)(i / 10));
  }
  const pv_picture picture = {crops, FACES, WIDTH};
  pv_faces faces = {embedders, &tables,    NULL, picture, landmarks,
                    points,    embeddings, NULL, NULL,    0};
  const pv_batch batch = {FACES, pv_embed_face, &faces, NULL, NULL};
  EXPECT(pv_pool_run(pool, &batch, NULL) == PV_OK);
  for (size_t i = 0; i < FACES; i++) {
    pv_similarity similarity;
    uint8_t crop[PIXELS];
    EXPECT(pv_similarity_fit(landmarks + i * 10, points, 5, &similarity) == PV_OK);
    EXPECT(pv_warp(&picture, &similarity, crop, 1, WIDTH) == PV_OK);
    expect_row(crop, embeddings + i * 4);
  }
  size_t failed = 0;
  memset(landmarks + 80, 0, 10 * sizeof landmarks[0]);
  EXPECT(pv_pool_run(pool, &batch, &failed) == PV_ERR_DEGENERATE && failed == 8);
}

int main(void) {
  valid_ends ends;
  const pv_model model = valid_model(&ends, WIDTH, 3, sums);
  const float mean[3] = {128, 128, 128}, std[3] = {2, 2, 2};
  uint32_t noise = 7;
  for (size_t i = 0; i < sizeof crops; i++) {
    noise = noise * 1664525u + 1013904223u;
    crops[i] = (uint8_t)(noise >> 24);
  }
  for (size_t i = 0; i < FACES; i++) crops[i * PIXELS] = 1;
  EXPECT(pv_pixel_tables_init(&tables, &model.inputs[0], mean, std, 0) == PV_OK);
  void *memory = give_memory(&model);
  test_refusals(&model, memory);
  pv_pool pool;
  EXPECT(pv_pool_init(&pool, THREADS) == PV_OK);
  test_crops(&pool);
  test_a_picture(&pool);
  pv_pool_close(&pool);
  free(memory);
  return failures > 0;
}
