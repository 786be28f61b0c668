/* From a detector's outputs to faces: the likeliest cells, their boxes, each face once. */
#include "pocketvision/detect.h"

#define CELL_BITS 28
#define CELL_MASK ((UINT32_C(1) << CELL_BITS) - 1)
#define EDGES 2  /* the first channel of a box */
#define POINTS 6 /* the first channel of landmarks */

/* value / 2^bits, to nearest, halves away from zero. */
static int32_t rounded(int64_t value, int bits) {
  const int64_t half = INT64_C(1) << (bits - 1);
  return (int32_t)(value < 0 ? -((half - value) >> bits) : (value + half) >> bits);
}

/* Keeps `list` sorted, best first; a cell as likely as one of before stands behind it. */
static uint32_t insert(pv_candidate *list, uint32_t count, uint32_t capacity, pv_candidate cell) {
  if (count == capacity) {
    if (cell.product <= list[count - 1].product) return count;
    count--;
  }
  uint32_t at = count;
  for (; at > 0 && list[at - 1].product < cell.product; at--) list[at] = list[at - 1];
  list[at] = cell;
  return count + 1;
}

static uint32_t likely(const pv_detect_recipe *recipe, const void *const *outputs,
                       pv_candidate *list, uint32_t capacity) {
  const uint32_t least = recipe->score * recipe->score;
  uint32_t count = 0;
  for (uint32_t level = 0; level < recipe->level_count; level++) {
    const pv_detect_level *own = &recipe->levels[level];
    const uint8_t *cell = (const uint8_t *)outputs[level];
    for (uint32_t i = 0; i < own->rows * own->columns; i++, cell += PV_DETECT_CHANNELS) {
      const uint32_t product = (uint32_t)own->chance[cell[0]] * own->chance[cell[1]];
      if (product < least) continue;
      const pv_candidate found = {product, level << CELL_BITS | i};
      count = insert(list, count, capacity, found);
    }
  }
  return count;
}

/* The square root, rounded down. */
static uint32_t root(uint32_t value) {
  uint32_t found = 0;
  for (uint32_t bit = UINT32_C(1) << 15; bit != 0; bit >>= 1) {
    const uint32_t next = found | bit;
    if (next * next <= value) found = next;
  }
  return found;
}

/* A stored distance in 1/256 pixel. */
static int32_t distance(const pv_detect_recipe *recipe, const pv_detect_level *level,
                        uint8_t stored) {
  const int32_t value = recipe->is_signed && stored > 127 ? (int32_t)stored - 256 : stored;
  return rounded((int64_t)(value - level->zero_point) * level->step, PV_DETECT_STEP_BITS);
}

static void decode(const pv_detect_recipe *recipe, const void *const *outputs,
                   const pv_candidate *candidate, pv_detection *face) {
  const pv_detect_level *level = &recipe->levels[candidate->place >> CELL_BITS];
  const uint32_t number = candidate->place & CELL_MASK;
  const uint8_t *cell =
      (const uint8_t *)outputs[candidate->place >> CELL_BITS] + (size_t)number * PV_DETECT_CHANNELS;
  /* The cell's centre, half a pixel less, as pixel centres have integer coordinates. */
  const int32_t half = PV_DETECT_UNIT / 2, side = (int32_t)level->stride * PV_DETECT_UNIT;
  const int32_t centre[2] = {(int32_t)(number % level->columns) * side + side / 2 - half,
                             (int32_t)(number / level->columns) * side + side / 2 - half};
  for (int i = 0; i < 4; i++) {
    const int32_t away = distance(recipe, level, cell[EDGES + i]);
    face->box[i] = centre[i % 2] + (i < 2 ? -away : away);
  }
  for (int i = 0; i < 2 * PV_LANDMARKS; i++) {
    face->landmarks[i] = centre[i % 2] + distance(recipe, level, cell[POINTS + i]);
  }
  face->score = root(candidate->product);
}

static uint64_t area_of(const int32_t box[4]) {
  return (uint64_t)(box[2] - box[0]) * (uint64_t)(box[3] - box[1]);
}

static int overlap(const int32_t a[4], const int32_t b[4], uint32_t share) {
  const int32_t common[4] = {a[0] > b[0] ? a[0] : b[0], a[1] > b[1] ? a[1] : b[1],
                             a[2] < b[2] ? a[2] : b[2], a[3] < b[3] ? a[3] : b[3]};
  if (common[2] <= common[0] || common[3] <= common[1]) return 0;
  const uint64_t inside = area_of(common), all = area_of(a) + area_of(b) - inside;
  return inside * PV_DETECT_OVERLAP_ONE > all * share;
}

pv_status pv_detect_decode(const pv_detect_recipe *recipe, const void *const *outputs,
                           pv_candidate *candidates, uint32_t capacity, pv_detection *faces,
                           uint32_t most, uint32_t *count) {
  if (outputs == NULL || candidates == NULL || capacity == 0 || faces == NULL || most == 0 ||
      count == NULL) {
    return PV_ERR_ARGUMENT;
  }
  const pv_status status = pv_detect_recipe_check(recipe);
  if (status != PV_OK) return status;
  for (uint32_t level = 0; level < recipe->level_count; level++) {
    if (outputs[level] == NULL) return PV_ERR_ARGUMENT;
  }
  const uint32_t cells = likely(recipe, outputs, candidates, capacity);
  uint32_t found = 0;
  for (uint32_t i = 0; i < cells && found < most; i++) {
    pv_detection face;
    decode(recipe, outputs, &candidates[i], &face);
    /* A box without an inside is none. */
    if (face.box[2] <= face.box[0] || face.box[3] <= face.box[1]) continue;
    uint32_t other = 0;
    while (other < found && !overlap(face.box, faces[other].box, recipe->overlap)) other++;
    if (other == found) faces[found++] = face;
  }
  *count = found;
  return PV_OK;
}
