/* Firmware that enrols and names people: frames with landmarks in, names with their evidence out.
 *
 * Argument: LIST, a file that the debugger opens (semihosting), see facelist.h. A gallery in flash
 * (vectors.S) is searched where it lies until the first line that changes it, which copies it to
 * RAM. Compiled with MODEL_H the header of the model, MODEL its struct, RECIPE its recipe, PREFIX
 * its macros' first word; optionally FRAME_BYTES, ENTRIES, FAR, the false accept rate by 10^9, and
 * ENROL_ALL, 1 to enrol faces that are not good enough too.
 */
#include MODEL_H

#include <pocketvision/core.h>
#include <pocketvision/face.h>
#include <pocketvision/gallery.h>
#include <pocketvision/quality.h>
#include <string.h>

#include "board.h"
#include "facelist.h"

#ifndef FRAME_BYTES
#define FRAME_BYTES (320 * 240 * 3)
#endif
#ifndef ENTRIES
#define ENTRIES 32
#endif
#ifndef FAR
#define FAR 1000000
#endif
#ifndef ENROL_ALL
#define ENROL_ALL 0
#endif
#define LIST_BYTES 16384

#define JOINED(a, b) a##b
#define JOIN(a, b) JOINED(a, b)
#define CONSTANT(name) JOIN(PREFIX, name)
#if CONSTANT(_BANKS)
#error "the arena is in several RAM banks: compile for one, or use pv_session_init_banks"
#endif
#if CONSTANT(_INPUTS) != 1 || CONSTANT(_OUTPUTS) != 1
#error "the model has several inputs or outputs: use pv_session_run with arrays of them"
#endif

/* Static, so that a RAM too small for them is an error of the linker. */
static _Alignas(CONSTANT(_ARENA_ALIGNMENT)) uint8_t arena[CONSTANT(_ARENA_BYTES)];
static uint8_t input[CONSTANT(_INPUT_BYTES)], pixels[FRAME_BYTES];
static uint8_t enrolled[PV_GALLERY_BYTES(CONSTANT(_OUTPUT_BYTES), ENTRIES)];
static char list[LIST_BYTES];

extern const uint8_t board_vectors[] __attribute__((weak));
extern const uint8_t board_vectors_end[] __attribute__((weak));

static pv_status open_gallery(pv_gallery *gallery) {
  if (board_vectors != NULL) {
    const size_t bytes = (size_t)(board_vectors_end - board_vectors);
    return pv_gallery_open(gallery, &MODEL, board_vectors, bytes);
  }
  const pv_status status = pv_gallery_create(enrolled, sizeof enrolled, &MODEL);
  return status != PV_OK ? status : pv_gallery_open(gallery, &MODEL, enrolled, sizeof enrolled);
}

/* Does what a line says with its name, and says so; NULL, or what is wrong. */
static const char *edit(pv_gallery *gallery, const facelist_line *line, const int8_t *face) {
  const size_t room = sizeof enrolled;
  const uint8_t *from = gallery->entries - PV_GALLERY_HEADER_BYTES;
  if (from != enrolled) {
    const size_t bytes = PV_GALLERY_BYTES(gallery->dimension, gallery->count);
    if (bytes > room) return pv_status_message(PV_ERR_FULL);
    memcpy(enrolled, from, bytes);
  }
  uint32_t removed = 0;
  pv_status status;
  if (line->verb == FACELIST_ENROL) {
    status = pv_gallery_enrol(enrolled, room, &MODEL, line->name, face);
  } else if (line->verb == FACELIST_FORGET) {
    status = pv_gallery_remove(enrolled, room, &MODEL, line->name, &removed);
  } else {
    status = pv_gallery_replace(enrolled, room, &MODEL, line->name, face, 1, &removed);
  }
  if (status == PV_OK) status = pv_gallery_open(gallery, &MODEL, enrolled, room);
  if (status != PV_OK) return pv_status_message(status);
  if (line->verb != FACELIST_ENROL && removed == 0) return "nobody has this name";
  board_print(line->verb == FACELIST_FORGET ? line->name : line->file);
  board_print(line->verb == FACELIST_FORGET ? ": forgotten" : ": enrolled as ");
  if (line->verb != FACELIST_FORGET) board_print(line->name);
  if (line->verb != FACELIST_ENROL) {
    board_print(", entries that went: ");
    board_print_number(removed);
  }
  board_print("\n");
  return NULL;
}

/* A score as a decimal number with three digits. */
static void print_score(int32_t score) {
  const uint32_t size = (uint32_t)(score < 0 ? -score : score);
  const uint32_t thousandths = (size * 1000 + PV_SCORE_ONE / 2) / PV_SCORE_ONE;
  board_print(score < 0 ? "-" : "");
  board_print_number(thousandths / 1000);
  board_print(thousandths % 1000 < 10 ? ".00" : thousandths % 1000 < 100 ? ".0" : ".");
  board_print_number(thousandths % 1000);
}

/* "; not reliable: quality 12 of 100, too dark, ..." where anything speaks against the face. */
static void print_doubts(const pv_quality *quality, const char *before) {
  board_print(before);
  board_print("quality ");
  board_print_number(quality->score);
  board_print(" of 100");
  for (uint32_t bits = quality->reasons; bits != 0; bits &= bits - 1) {
    board_print(", ");
    board_print(pv_quality_reason(bits));
  }
}

static pv_status identify(const pv_gallery *gallery, const int8_t *face,
                          const pv_quality *quality) {
  pv_match best;
  pv_verdict verdict;
  uint32_t found;
  pv_status status = pv_gallery_search(gallery, face, 1, &best, &found);
  if (status != PV_OK) return status;
  if (found == 0) {
    board_print("nobody is enrolled\n");
    return PV_OK;
  }
  status = pv_judge(&RECIPE, best.score, FAR, &verdict);
  if (status != PV_OK) return status;
  board_print(verdict.same ? "" : "unknown, most like ");
  board_print(pv_gallery_name(gallery, best.index));
  board_print(", score ");
  print_score(verdict.score);
  board_print(verdict.same ? " >= threshold " : " < threshold ");
  print_score(verdict.threshold->score);
  board_print(" (false accepts: ");
  board_print_number(verdict.threshold->far / 1000);
  board_print(" of 1000000 comparisons on ");
  board_print(verdict.threshold->dataset);
  board_print(")");
  if (quality->reasons != 0) {
    print_doubts(quality, "; not reliable: ");
  } else if (verdict.same && !pv_quality_bears(quality, verdict.score, verdict.threshold->score)) {
    board_print("; not reliable: strangers in such pictures come as near");
  }
  board_print("\n");
  return PV_OK;
}

/* Whether the quality of this model's crops is known; it is of square ones of a range. */
static int measured(const pv_tensor *crop) {
  return crop->shape[0] == crop->shape[1] && crop->shape[0] >= PV_QUALITY_LEAST_SIDE &&
         crop->shape[0] <= PV_QUALITY_MOST_SIDE;
}

/* NULL, or what is wrong. */
static const char *work(const pv_session *session, pv_gallery *gallery, facelist_line *line) {
  if (line->verb == FACELIST_BAD) return "not of a form that facelist.h describes";
  if (line->verb == FACELIST_SAVE) {
    const size_t bytes = PV_GALLERY_BYTES(gallery->dimension, gallery->count);
    const uint8_t *from = gallery->entries - PV_GALLERY_HEADER_BYTES;
    return board_write_file(line->file, from, bytes) == 0 ? NULL : "the file cannot be written";
  }
  if (line->verb == FACELIST_FORGET) return edit(gallery, line, NULL);
  int8_t face[CONSTANT(_OUTPUT_BYTES)];
  if ((uint64_t)line->frame.stride * (line->frame.height - 1) >= sizeof pixels) {
    return "the frame is larger than FRAME_BYTES of identify.c";
  }
  line->frame.pixels = pixels;
  line->frame.bytes = board_read_file(line->file, pixels, sizeof pixels);
  if (line->frame.bytes == 0) return pv_status_message(PV_ERR_OPEN);
  pv_quality quality = {0};
  const int known = measured(&MODEL.inputs[0]);
  pv_status status =
      known ? pv_face_template_quality(session, &RECIPE, &line->frame, line->landmarks, input, face,
                                       &quality)
            : pv_face_template(session, &RECIPE, &line->frame, line->landmarks, input, face);
  if (status != PV_OK) return pv_status_message(status);
  if (line->verb != FACELIST_IDENTIFY && (ENROL_ALL || !known || pv_quality_enrols(&quality))) {
    return edit(gallery, line, face);
  }
  board_print(line->file);
  board_print(": ");
  if (line->verb == FACELIST_IDENTIFY) {
    status = identify(gallery, face, &quality);
    return status == PV_OK ? NULL : pv_status_message(status);
  }
  /* A template stays; the list goes on, as a person would be asked to look again. */
  board_print("not enrolled as ");
  board_print(line->name);
  print_doubts(&quality, ": ");
  board_print("\n");
  return NULL;
}

int main(void) {
  pv_session session;
  pv_gallery gallery;
  pv_status status = pv_check(&MODEL);
  if (status == PV_OK) status = pv_session_init(&session, &MODEL, arena, sizeof arena);
  if (status != PV_OK) return board_fail("the model does not run here", pv_status_message(status));
  status = open_gallery(&gallery);
  if (status != PV_OK) return board_fail("the gallery in flash", pv_status_message(status));
  const char *path = board_argument(1);
  if (path == NULL) return board_fail("the list of faces", "no file is given as first argument");
  const size_t bytes = board_read_file(path, list, sizeof list);
  if (bytes == 0) return board_fail(path, "the file cannot be read, or is empty");
  if (bytes == sizeof list) {
    return board_fail(path, "the list is longer than LIST_BYTES of identify.c");
  }

  char *text = list;
  for (uint32_t number = 1;; number++) {
    facelist_line line;
    facelist_next(&text, &line);
    if (line.verb == FACELIST_END) break;
    const char *wrong = work(&session, &gallery, &line);
    if (wrong == NULL) continue;
    board_print("entry ");
    board_print_number(number);
    board_print(" of the list, ");
    const char *what = line.file != NULL ? line.file : line.name;
    return board_fail(what != NULL ? what : "without a file", wrong);
  }
  board_print_number(gallery.count);
  board_print(" enrolled, ");
  board_print_memory(sizeof arena);
  return 0;
}
