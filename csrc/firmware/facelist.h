/* The list that identify.c works through: what to do with which face of which frame.
 *
 * Text, one line each, words between spaces or tabs; # begins a comment line.
 *   enrol NAME FILE FORMAT WIDTH HEIGHT STRIDE X1 Y1 X2 Y2 X3 Y3 X4 Y4 X5 Y5
 *   identify FILE FORMAT WIDTH HEIGHT STRIDE X1 Y1 X2 Y2 X3 Y3 X4 Y4 X5 Y5
 *   replace NAME FILE FORMAT WIDTH HEIGHT STRIDE X1 Y1 X2 Y2 X3 Y3 X4 Y4 X5 Y5
 *   forget NAME
 *   save FILE
 * FILE of a frame: raw pixels. FORMAT: grey8, rgb888, rgb565le or rgb565be. STRIDE in bytes.
 * X1 to Y5: decimal numbers, pixels. `replace` puts one
 * entry in place of all of NAME, `forget` removes them. `save` writes the gallery as it is then. */
#ifndef POCKETVISION_FACELIST_H
#define POCKETVISION_FACELIST_H

#include <pocketvision/frame.h>

enum facelist_verb {
  FACELIST_END,
  FACELIST_BAD,
  FACELIST_ENROL,
  FACELIST_REPLACE,
  FACELIST_IDENTIFY,
  FACELIST_FORGET,
  FACELIST_SAVE
};

typedef struct facelist_line {
  enum facelist_verb verb;
  const char *name; /* of enrol, replace and forget */
  const char *file; /* of all but forget */
  pv_frame frame;   /* without pixels */
  int32_t landmarks[2 * PV_LANDMARKS];
} facelist_line;

/* Reads the next line of `*text`, which it changes and moves on; the line's words stay in it. */
void facelist_next(char **text, facelist_line *line);

#endif
