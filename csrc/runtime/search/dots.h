/* Dot products of a probe with a block of templates: what each instruction set brings. */
#ifndef POCKETVISION_SEARCH_DOTS_H
#define POCKETVISION_SEARCH_DOTS_H

#include <stdint.h>

#include "pocketvision/search.h"

enum { PV_DOTS_BLOCK = 256 };

/* A probe as the functions read it: behind its `dimension` values zeros up to a whole vector. */
typedef struct pv_probe {
  int8_t values[PV_MAX_DIMENSION] __attribute__((aligned(64)));
  int32_t sum;
} pv_probe;

/* Writes the dot products with `count` rows, at most PV_DOTS_BLOCK, from row `from` on. */
typedef void pv_dots(const pv_templates *rows, uint32_t from, uint32_t count, const pv_probe *probe,
                     int32_t *out);

/* The fastest that runs with `features`. */
pv_dots *pv_dots_for(uint32_t features);

#endif
