/* The templates that are most like a probe: dot products of a block of rows, then exact scores of
 * the few that may be among the best. */
#include "pocketvision/search.h"

#include <math.h>
#include <string.h>

#include "dots.h"

/* Of a bound: what two roundings of float32, the square roots and the score's own rounding may be
 * off, many times over. A row that passes is scored exactly, so more than needed costs time only.
 */
#define SLACK 1e-5

/* Rows whose bound is looked at together: most blocks hold none that passes. */
enum { GROUP = 16 };

/* Probes that share a pass over the rows; their copies take 33 KB of stack. */
enum { AT_ONCE = 8 };

static int valid(const pv_templates *rows) {
  return rows != NULL && rows->first != NULL && rows->count > 0 && rows->dimension > 0 &&
         rows->dimension <= PV_MAX_DIMENSION && rows->stride >= rows->dimension;
}

static int32_t square(const int8_t *values, uint32_t count) {
  int32_t sum = 0; /* below 2^26 */
  for (uint32_t i = 0; i < count; i++) sum += (int16_t)(values[i] * values[i]);
  return sum;
}

pv_status pv_templates_measure(const pv_templates *rows, float *inverse, uint32_t *row) {
  if (!valid(rows) || inverse == NULL || row == NULL) return PV_ERR_ARGUMENT;
  for (uint32_t i = 0; i < rows->count; i++) {
    const int32_t length = square(rows->first + (size_t)i * rows->stride, rows->dimension);
    if (length == 0) {
      *row = i;
      return PV_ERR_ZERO_NORM;
    }
    inverse[i] = (float)(1 / sqrt((double)length));
  }
  return PV_OK;
}

/* The best of one probe so far. */
typedef struct best {
  const int8_t *probe;
  pv_match *matches;
  uint32_t k, held;
  double length; /* of the probe */
  float bound;   /* a row whose dot product by its length is less has no place among them */
} best;

/* A later row needs a larger score, so one that is rounded to at least one more than the last. */
static float bound_of(const best *b) {
  if (b->held < b->k) return -INFINITY;
  const double least = (b->matches[b->k - 1].score + 0.5) / PV_SCORE_ONE;
  return (float)(b->length * (least - SLACK * fabs(least) - SLACK / 10));
}

static pv_status consider(const pv_templates *rows, uint32_t index, best *b) {
  pv_match match = {index, 0};
  const pv_status status = pv_template_score(b->probe, rows->first + (size_t)index * rows->stride,
                                             rows->dimension, &match.score);
  if (status != PV_OK) return status;
  if (b->held == b->k && match.score <= b->matches[b->k - 1].score) return PV_OK;
  uint32_t place = b->held < b->k ? b->held++ : b->k - 1;
  for (; place > 0 && match.score > b->matches[place - 1].score; place--) {
    b->matches[place] = b->matches[place - 1];
  }
  b->matches[place] = match;
  b->bound = bound_of(b);
  return PV_OK;
}

static int none_passes(const int32_t *dots, const float *inverse, float bound) {
  int any = 0;
  for (uint32_t i = 0; i < GROUP; i++) any |= (float)dots[i] * inverse[i] >= bound;
  return !any;
}

static pv_status consider_block(const pv_templates *rows, uint32_t from, uint32_t count,
                                const int32_t *dots, best *b) {
  const float *inverse = rows->inverse + from;
  for (uint32_t at = 0; at < count; at += GROUP) {
    const uint32_t end = count - at < GROUP ? count : at + GROUP;
    if (end - at == GROUP && none_passes(dots + at, inverse + at, b->bound)) continue;
    for (uint32_t i = at; i < end; i++) {
      if ((float)dots[i] * inverse[i] < b->bound) continue;
      const pv_status status = consider(rows, from + i, b);
      if (status != PV_OK) return status;
    }
  }
  return PV_OK;
}

/* A pass over the rows: the probes share what a block of them brings into the cache. */
static pv_status pass(const pv_templates *rows, pv_dots *dots_of, const pv_probe *probes, best *all,
                      uint32_t count) {
  int32_t dots[PV_DOTS_BLOCK];
  for (uint32_t from = 0; from < rows->count; from += PV_DOTS_BLOCK) {
    const uint32_t rest = rows->count - from;
    const uint32_t block = rest < PV_DOTS_BLOCK ? rest : PV_DOTS_BLOCK;
    for (uint32_t i = 0; i < count; i++) {
      dots_of(rows, from, block, probes + i, dots);
      const pv_status status = consider_block(rows, from, block, dots, all + i);
      if (status != PV_OK) return status;
    }
  }
  return PV_OK;
}

static int32_t start(pv_probe *probe, const int8_t *values, uint32_t dimension) {
  memset(probe, 0, sizeof *probe);
  memcpy(probe->values, values, dimension);
  for (uint32_t i = 0; i < dimension; i++) probe->sum += values[i];
  return square(values, dimension);
}

pv_status pv_templates_search(const pv_templates *rows, const int8_t *probes, uint32_t count,
                              uint32_t k, uint32_t features, pv_match *matches, uint32_t *row) {
  if (!valid(rows) || rows->inverse == NULL || probes == NULL || matches == NULL || row == NULL ||
      k == 0 || k > rows->count) {
    return PV_ERR_ARGUMENT;
  }
  pv_probe padded[AT_ONCE];
  best all[AT_ONCE];
  for (uint32_t from = 0; from < count; from += AT_ONCE) {
    const uint32_t some = count - from < AT_ONCE ? count - from : AT_ONCE;
    for (uint32_t i = 0; i < some; i++) {
      const int8_t *probe = probes + (size_t)(from + i) * rows->dimension;
      const int32_t length = start(padded + i, probe, rows->dimension);
      if (length == 0) {
        *row = from + i;
        return PV_ERR_ZERO_NORM;
      }
      all[i] = (best){.probe = probe, .matches = matches + (size_t)(from + i) * k, .k = k};
      all[i].length = sqrt((double)length);
      all[i].bound = bound_of(all + i);
    }
    const pv_status status = pass(rows, pv_dots_for(features), padded, all, some);
    if (status != PV_OK) return status;
  }
  return PV_OK;
}
