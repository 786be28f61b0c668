/* A face's quality in C: the template stays what it was, and threads measure what one measures. */
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "pocketvision/embed.h"
#include "pocketvision/pool.h"
#include "pocketvision/quality.h"

enum { SIDE = 112, PIXELS = SIDE * SIDE * 3, WIDTH = 32, FACES = 12, THREADS = 3 };

static const int32_t reference[2 * PV_LANDMARKS] = {38 << 16, 51 << 16, 73 << 16, 51 << 16,
                                                    56 << 16, 71 << 16, 41 << 16, 92 << 16,
                                                    70 << 16, 92 << 16};

/* Sums of every 32nd byte, so that each byte of the input counts. */
static int sums(const void *const *in, void *const *out, void *arena) {
  (void)arena;
  const uint8_t *values = (const uint8_t *)in[0];
  uint8_t sum[WIDTH] = {0};
  for (int i = 0; i < PIXELS; i++) sum[i % WIDTH] = (uint8_t)(sum[i % WIDTH] * 31 + values[i]);
  memcpy(out[0], sum, WIDTH);
  return 0;
}

static pv_model square_model(valid_ends *ends, uint32_t height, uint32_t width) {
  const pv_model model = valid_model(ends, width, 3, sums);
  ends->input.shape[0] = height;
  ends->output.shape[0] = WIDTH;
  return model;
}

static uint32_t state = 88172645u;

static uint8_t random_byte(void) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return (uint8_t)(state >> 8);
}

static void test_templates_are_the_same(void) {
  static const uint32_t bytes[] = {0, 1, 3, 2, 2};
  static uint8_t pixels[90 * 100 * 3], input[2][PIXELS];
  _Alignas(16) unsigned char arena[16];
  valid_ends ends;
  const pv_model model = square_model(&ends, SIDE, SIDE);
  pv_session session;
  EXPECT(pv_session_init(&session, &model, arena, sizeof arena) == PV_OK);
  pv_recipe recipe = {.tables = {{2, 1, 0}, {{0}}}};
  memcpy(recipe.reference, reference, sizeof reference);
  for (int i = 0; i < 768; i++) recipe.tables.value[i / 256][i % 256] = random_byte();
  for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = random_byte();
  for (pv_pixel_format format = PV_PIXEL_GREY8; format <= PV_PIXEL_RGB565_BE; format++) {
    const pv_frame frame = {pixels, sizeof pixels, format, 100, 90, 100 * bytes[format]};
    int32_t landmarks[2 * PV_LANDMARKS];
    for (int i = 0; i < 2 * PV_LANDMARKS; i++) landmarks[i] = reference[i] / 320 + 256 * 9;
    int8_t faces[2][WIDTH];
    pv_quality quality;
    EXPECT(pv_face_template(&session, &recipe, &frame, landmarks, input[0], faces[0]) == PV_OK);
    EXPECT(pv_face_template_quality(&session, &recipe, &frame, landmarks, input[1], faces[1],
                                    &quality) == PV_OK);
    EXPECT(memcmp(faces[0], faces[1], WIDTH) == 0);
    EXPECT(memcmp(input[0], input[1], PIXELS) == 0);
    EXPECT(quality.placed == 1 && quality.residual < 20 && quality.eye_distance / 256 == 28);
    /* The crop is four fifths as wide in the frame: 90 pixels. */
    for (uint32_t smallest = 85; smallest <= 95; smallest += 10) {
      recipe.smallest = smallest;
      EXPECT(pv_face_template_quality(&session, &recipe, &frame, landmarks, input[1], faces[1],
                                      &quality) == PV_OK);
      EXPECT(!(quality.reasons & PV_QUALITY_SMALL) == (smallest < 90));
    }
    recipe.smallest = 0;
  }
}

static void test_refusals(void) {
  static uint8_t pixels[SIDE], input[PIXELS];
  _Alignas(16) unsigned char arena[16];
  valid_ends ends;
  const pv_model model = square_model(&ends, SIDE, SIDE);
  pv_session session;
  EXPECT(pv_session_init(&session, &model, arena, sizeof arena) == PV_OK);
  pv_recipe recipe = {.tables = {{0, 1, 2}, {{0}}}};
  memcpy(recipe.reference, reference, sizeof reference);
  const pv_frame frame = {pixels, sizeof pixels, PV_PIXEL_GREY8, SIDE, 1, SIDE};
  int32_t landmarks[2 * PV_LANDMARKS] = {0};
  int8_t face[WIDTH];
  pv_quality quality;
#define TRY(session, recipe, frame, landmarks, input, face, quality) \
  pv_face_template_quality(session, recipe, frame, landmarks, input, face, quality)
  EXPECT(TRY(&session, &recipe, &frame, landmarks, input, face, &quality) == PV_ERR_DEGENERATE);
  for (int i = 0; i < 2 * PV_LANDMARKS; i++) landmarks[i] = reference[i] / 256;
  EXPECT(TRY(NULL, &recipe, &frame, landmarks, input, face, &quality) == PV_ERR_ARGUMENT);
  EXPECT(TRY(&session, NULL, &frame, landmarks, input, face, &quality) == PV_ERR_ARGUMENT);
  EXPECT(TRY(&session, &recipe, NULL, landmarks, input, face, &quality) == PV_ERR_ARGUMENT);
  EXPECT(TRY(&session, &recipe, &frame, NULL, input, face, &quality) == PV_ERR_ARGUMENT);
  EXPECT(TRY(&session, &recipe, &frame, landmarks, NULL, face, &quality) == PV_ERR_ARGUMENT);
  EXPECT(TRY(&session, &recipe, &frame, landmarks, input, NULL, &quality) == PV_ERR_ARGUMENT);
  EXPECT(TRY(&session, &recipe, &frame, landmarks, input, face, NULL) == PV_ERR_ARGUMENT);
  EXPECT(TRY(&session, &recipe, &frame, landmarks, input, face, &quality) == PV_OK);
  EXPECT(quality.outside == 100);
  EXPECT((quality.reasons & PV_QUALITY_OUTSIDE) != 0 && !pv_quality_enrols(&quality));
  recipe.tables.source[1] = 3;
  EXPECT(TRY(&session, &recipe, &frame, landmarks, input, face, &quality) == PV_ERR_ARGUMENT);
  recipe.tables.source[1] = 1;
  ends.input.shape[0] = SIDE - 1;
  EXPECT(TRY(&session, &recipe, &frame, landmarks, input, face, &quality) == PV_ERR_TENSOR);
}

/* A batch by three threads, with and without landmarks, against one call after the other. */
static void test_batches(void) {
  valid_ends ends;
  const pv_model model = square_model(&ends, SIDE, SIDE);
  pv_embedder embedders[THREADS];
  const size_t bytes = pv_embedder_bytes(&model);
  char *memory = (char *)aligned_alloc(pv_embedder_alignment(&model), THREADS * bytes);
  for (size_t i = 0; i < THREADS; i++) {
    EXPECT(pv_embedder_init(&embedders[i], &model, memory + i * bytes, bytes) == PV_OK);
  }
  uint8_t *crops = malloc(FACES * PIXELS);
  for (size_t i = 0; i < FACES * PIXELS; i++) crops[i] = random_byte() >> (i / PIXELS % 5);
  static float embeddings[2][FACES * WIDTH];
  static pv_quality qualities[FACES];
  static pv_pixel_tables tables = {{0, 1, 2}, {{0}}};
  double points[FACES * 10], target[10];
  for (int i = 0; i < 768; i++) tables.value[i / 256][i % 256] = (uint8_t)i;
  for (int i = 0; i < 10; i++) target[i] = reference[i] / 65536.0;
  for (int i = 0; i < FACES * 10; i++) points[i] = target[i % 10] * (1 + i / 10 * 0.1);
  pv_pool pool;
  EXPECT(pv_pool_init(&pool, THREADS) == PV_OK);
  for (int placed = 0; placed < 2; placed++) {
    pv_faces faces = {.embedders = embedders, .tables = &tables, .embeddings = embeddings[0]};
    if (placed) {
      faces.picture = (pv_picture){crops, FACES * SIDE, SIDE};
      faces.landmarks = points;
      faces.reference = target;
    } else {
      faces.crops = crops;
    }
    const pv_batch batch = {FACES, pv_embed_face, &faces, NULL, NULL};
    EXPECT(pv_pool_run(&pool, &batch, NULL) == PV_OK);
    faces.embeddings = embeddings[1];
    faces.qualities = qualities;
    EXPECT(pv_pool_run(&pool, &batch, NULL) == PV_OK);
    EXPECT(memcmp(embeddings[0], embeddings[1], sizeof embeddings[0]) == 0);
    for (size_t i = 0; i < FACES; i++) {
      pv_quality alone;
      if (placed) {
        EXPECT(qualities[i].placed == 1);
        const int32_t wanted = 35 * 256 + (int32_t)(896 * i);
        EXPECT(abs((int32_t)qualities[i].eye_distance - wanted) <= 2);
        continue;
      }
      EXPECT(pv_quality_of_face(crops + i * PIXELS, SIDE, NULL, NULL, 0, 0, 0, &alone) == PV_OK);
      EXPECT(memcmp(&alone, &qualities[i], sizeof alone) == 0);
    }
  }
  /* Crops that were cut out elsewhere, at landmarks of a picture that ends in their middle. */
  uint32_t sides[2 * FACES];
  for (int i = 0; i < 2 * FACES; i++) sides[i] = i % 2 ? 56 : SIDE;
  for (int i = 0; i < FACES * 10; i++) points[i] = target[i % 10];
  pv_faces faces = {.embedders = embedders, .tables = &tables, .crops = crops};
  faces.embeddings = embeddings[1];
  faces.qualities = qualities;
  faces.landmarks = points;
  faces.reference = target;
  faces.sides = sides;
  const pv_batch batch = {FACES, pv_embed_face, &faces, NULL, NULL};
  EXPECT(pv_pool_run(&pool, &batch, NULL) == PV_OK);
  for (size_t i = 0; i < FACES; i++) EXPECT(qualities[i].outside == 50);
  pv_pool_close(&pool);
  free(crops);
  free(memory);
}

/* Beyond the 16,384 pixels of the integers: measured at a half, told in pixels of the picture. */
static void test_large_pictures(void) {
  static uint8_t crop[PIXELS];
  pv_quality quality;
  double points[10], target[10];
  for (int i = 0; i < 10; i++) target[i] = reference[i] / 65536.0;
  for (int i = 0; i < 10; i++) points[i] = target[i] * 200 + 20000;
  EXPECT(pv_quality_of_face(crop, SIDE, points, target, 60000, 50000, 0, &quality) == PV_OK);
  EXPECT(quality.eye_distance / 256 == 7000 && quality.residual == 0 && quality.outside == 0);
  points[3] = 1e8;
  EXPECT(pv_quality_of_face(crop, SIDE, points, target, 600, 500, 0, &quality) ==
         PV_ERR_NOT_FINITE);
  EXPECT(pv_quality_of_face(crop, SIDE, target, NULL, 600, 500, 0, &quality) == PV_ERR_ARGUMENT);
}

int main(void) {
  test_templates_are_the_same();
  test_refusals();
  test_batches();
  test_large_pictures();
  return failures != 0;
}
