/* Frames and galleries in memory that ends where they do, for sanitizers: nothing is overread. */
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "pocketvision/face.h"
#include "pocketvision/gallery.h"

enum { WIDTH = 4, HEADER = PV_GALLERY_HEADER_BYTES, ENTRY = PV_GALLERY_NAME_BYTES + WIDTH };

static uint32_t state = 2463534242u;

static uint32_t random_below(uint32_t limit) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % limit;
}

static int copy_run(const void *const *in, void *const *out, void *arena) {
  (void)arena;
  memcpy(out[0], in[0], WIDTH);
  return 0;
}

static uint32_t crc(uint32_t value, const uint8_t *bytes, size_t count) {
  value = ~value;
  for (size_t i = 0; i < count; i++) {
    value ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? 0xedb88320u : 0);
  }
  return ~value;
}

static pv_model valid(valid_ends *ends) {
  pv_model model = valid_model(ends, 12, 3, copy_run);
  model.source_sha256 = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
  return model;
}

/* Any bytes, cut anywhere, with and without a right checksum. */
static void test_hostile_galleries(void) {
  valid_ends ends;
  const pv_model model = valid(&ends);
  const int8_t face[WIDTH] = {1, -2, 3, 127};
  uint8_t good[HEADER + 3 * ENTRY];
  pv_gallery gallery;
  pv_match matches[8];
  uint32_t found = 0, accepted = 0;
  EXPECT(pv_gallery_create(good, sizeof good, &model) == PV_OK);
  for (int i = 0; i < 3; i++) {
    EXPECT(pv_gallery_enrol(good, sizeof good, &model, "somebody", face) == PV_OK);
  }
  for (int round = 0; round < 20000; round++) {
    const size_t bytes = random_below(4) == 0 ? random_below(sizeof good + 1) : sizeof good;
    uint8_t *memory = malloc(bytes ? bytes : 1);
    memcpy(memory, good, bytes);
    for (uint32_t changes = random_below(4); changes > 0 && bytes > 0; changes--) {
      memory[random_below((uint32_t)bytes)] = (uint8_t)random_below(256);
    }
    if (bytes > HEADER && random_below(2)) {
      const uint32_t count = memory[16] < 4 ? memory[16] : 3;
      const size_t held = (size_t)count * ENTRY < bytes - HEADER ? count * ENTRY : bytes - HEADER;
      const uint32_t check = crc(crc(0, memory, 60), memory + HEADER, held);
      for (int i = 0; i < 4; i++) memory[60 + i] = (uint8_t)(check >> (8 * i));
    }
    if (pv_gallery_open(&gallery, &model, memory, bytes) == PV_OK) {
      accepted++;
      EXPECT(HEADER + gallery.count * ENTRY <= bytes);
      EXPECT(pv_gallery_search(&gallery, face, 8, matches, &found) == PV_OK);
      EXPECT(found == gallery.count);
      for (uint32_t i = 0; i < gallery.count; i++) {
        EXPECT(strlen(pv_gallery_name(&gallery, i)) < PV_GALLERY_NAME_BYTES);
      }
      (void)pv_gallery_enrol(memory, bytes, &model, "another", face);
      (void)pv_gallery_replace(memory, bytes, &model, "somebody", face, 1, &found);
      (void)pv_gallery_remove(memory, bytes, &model, "another", &found);
      EXPECT(pv_gallery_open(&gallery, &model, memory, bytes) == PV_OK);
    }
    free(memory);
  }
  EXPECT(accepted > 1000 && accepted < 19000);
}

/* Faces anywhere, also beyond the frame, in frames of every format and stride. */
static void test_frames(void) {
  static const uint32_t pixel_bytes[] = {0, 1, 3, 2, 2};
  pv_pixel_tables tables = {{0, 1, 2}, {{0}}};
  uint32_t accepted = 0;
  for (int round = 0; round < 20000; round++) {
    const uint32_t width = 1 + random_below(40), height = 1 + random_below(40);
    const pv_pixel_format format = (pv_pixel_format)(1 + random_below(4));
    const uint32_t row = width * pixel_bytes[format], stride = row + random_below(5);
    const size_t bytes = (size_t)stride * (height - 1) + row;
    uint8_t *pixels = calloc(bytes, 1), *input = malloc(8 * 9 * 3);
    const pv_frame frame = {pixels, bytes, format, width, height, stride};
    int32_t landmarks[2 * PV_LANDMARKS], reference[2 * PV_LANDMARKS];
    const int32_t reach = random_below(4) ? 60 * 256 : 16384 * 256;
    for (int i = 0; i < 2 * PV_LANDMARKS; i++) {
      landmarks[i] = (int32_t)random_below(2 * (uint32_t)reach + 1) - reach;
      reference[i] = (int32_t)random_below(1u << (16 + random_below(12)));
    }
    pv_placement placement;
    if (pv_placement_fit(landmarks, reference, &placement) == PV_OK) {
      accepted++;
      EXPECT(pv_frame_to_input(&frame, &placement, &tables, 8, 9, input) == PV_OK);
    }
    free(pixels);
    free(input);
  }
  EXPECT(accepted > 5000);
}

static void test_face(void) {
  valid_ends ends;
  const pv_model model = valid(&ends);
  _Alignas(16) unsigned char arena[16];
  pv_recipe recipe = {
      .tables = {{0, 1, 2}, {{0}}},
      .reference = {0, 0, 9 << 16, 0, 5 << 16, 4 << 16, 0, 9 << 16, 9 << 16, 9 << 16}};
  for (int i = 0; i < 256; i++) recipe.tables.value[0][i] = (uint8_t)i;
  uint8_t pixels[12] = {0}, input[36];
  const pv_frame frame = {pixels, sizeof pixels, PV_PIXEL_GREY8, 12, 1, 12};
  int32_t landmarks[2 * PV_LANDMARKS];
  int8_t face[WIDTH];
  pv_session session;
  for (int i = 0; i < 2 * PV_LANDMARKS; i++) landmarks[i] = recipe.reference[i] / 256;
  pixels[1] = 41;
  EXPECT(pv_session_init(&session, &model, arena, sizeof arena) == PV_OK);
  /* The zero point is 1, and the first and only pixel that counts gives 40 of 40. */
  EXPECT(pv_face_template(&session, &recipe, &frame, landmarks, input, face) == PV_OK);
  EXPECT(input[3] == 41 && face[3] == 127 && face[1] == -3 && face[2] == -3);
  EXPECT(pv_face_template(NULL, &recipe, &frame, landmarks, input, face) == PV_ERR_ARGUMENT);
  EXPECT(pv_face_template(&session, NULL, &frame, landmarks, input, face) == PV_ERR_ARGUMENT);
  EXPECT(pv_face_template(&session, &recipe, NULL, landmarks, input, face) == PV_ERR_ARGUMENT);
  EXPECT(pv_face_template(&session, &recipe, &frame, NULL, input, face) == PV_ERR_ARGUMENT);
  EXPECT(pv_face_template(&session, &recipe, &frame, landmarks, NULL, face) == PV_ERR_ARGUMENT);
  EXPECT(pv_face_template(&session, &recipe, &frame, landmarks, input, NULL) == PV_ERR_ARGUMENT);
  ends.input.shape[2] = 1;
  EXPECT(pv_face_template(&session, &recipe, &frame, landmarks, input, face) == PV_ERR_TENSOR);
}

int main(void) {
  test_hostile_galleries();
  test_frames();
  test_face();
  return failures != 0;
}
