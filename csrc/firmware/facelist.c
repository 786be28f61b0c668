/* Parser of the list of faces of identify.c. */
#include "facelist.h"

static int equal(const char *a, const char *b) {
  while (*a != 0 && *a == *b) a++, b++;
  return *a == *b;
}

/* Between words; the end of a line from Windows too. */
static int blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* The next word of the line, or NULL at its end. */
static const char *word(char **text) {
  while (blank(**text)) (*text)++;
  if (**text == 0 || **text == '\n') return NULL;
  const char *start = *text;
  while (**text != 0 && !blank(**text) && **text != '\n') (*text)++;
  if (blank(**text)) *(*text)++ = 0;
  return start;
}

/* A decimal number in units of 1/`one`, rounded; 0 if it is none, or too large. */
static int number(char **text, int32_t one, int32_t *result) {
  const char *at = word(text);
  if (at == NULL) return 0;
  const int minus = *at == '-';
  if (minus) at++;
  int64_t value = 0, unit = 1;
  int digits = 0, fraction = 0;
  for (; (*at >= '0' && *at <= '9') || (*at == '.' && !fraction); at++) {
    if (*at == '.') {
      fraction = 1;
      continue;
    }
    if (++digits > 9) continue; /* of pixels that is a millionth, or far too large */
    value = 10 * value + *at - '0';
    if (fraction) unit *= 10;
  }
  /* The word ends with the zero that word() wrote, or with the line. */
  if (digits == 0 || (digits > 9 && !fraction) || (*at != 0 && *at != '\n')) return 0;
  value = (2 * value * one + unit) / (2 * unit);
  if (value > INT32_MAX) return 0;
  *result = (int32_t)(minus ? -value : value);
  return 1;
}

static pv_pixel_format format_of(const char *name) {
  static const char *const names[] = {"",         "grey8",  "rgb888", "rgb565le",
                                      "rgb565be", "bgr888", "yuyv",   "uyvy"};
  for (int format = PV_PIXEL_GREY8; format <= PV_PIXEL_LAST; format++) {
    if (equal(name, names[format])) return (pv_pixel_format)format;
  }
  return (pv_pixel_format)0;
}

static int parse_face(char **text, facelist_line *line) {
  const char *format = word(text);
  int32_t sides[3];
  if (format == NULL) return 0;
  for (int i = 0; i < 3; i++) {
    if (!number(text, 1, &sides[i]) || sides[i] <= 0) return 0;
  }
  for (int i = 0; i < 2 * PV_LANDMARKS; i++) {
    if (!number(text, PV_LANDMARK_UNIT, &line->landmarks[i])) return 0;
  }
  line->frame = (pv_frame){.format = format_of(format),
                           .width = (uint32_t)sides[0],
                           .height = (uint32_t)sides[1],
                           .stride = (uint32_t)sides[2]};
  return line->frame.format != 0;
}

static enum facelist_verb verb_of(const char *name) {
  static const char *const names[] = {"enrol", "replace", "identify", "forget", "save"};
  for (int verb = FACELIST_ENROL; verb <= FACELIST_SAVE; verb++) {
    if (equal(name, names[verb - FACELIST_ENROL])) return (enum facelist_verb)verb;
  }
  return FACELIST_BAD;
}

static enum facelist_verb parse(char **text, facelist_line *line) {
  const char *name = word(text);
  if (name == NULL) return FACELIST_BAD;
  const enum facelist_verb verb = verb_of(name);
  const int named = verb == FACELIST_ENROL || verb == FACELIST_REPLACE || verb == FACELIST_FORGET;
  line->name = named ? word(text) : NULL;
  line->file = verb == FACELIST_FORGET ? NULL : word(text);
  if ((verb == FACELIST_FORGET ? line->name : line->file) == NULL) return FACELIST_BAD;
  if (verb != FACELIST_FORGET && verb != FACELIST_SAVE && !parse_face(text, line)) {
    return FACELIST_BAD;
  }
  return word(text) == NULL ? verb : FACELIST_BAD;
}

void facelist_next(char **text, facelist_line *line) {
  for (;;) {
    while (**text == '\n' || blank(**text)) (*text)++;
    if (**text != '#') break;
    while (**text != 0 && **text != '\n') (*text)++;
  }
  line->verb = FACELIST_END;
  line->name = line->file = NULL;
  if (**text == 0) return;
  line->verb = parse(text, line);
  /* The last word still ends with the line. */
  if (**text == '\n') *(*text)++ = 0;
}
