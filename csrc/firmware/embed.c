/* The smallest firmware around a compiled model: vectors in, embeddings out.
 *
 * Arguments: INPUTS OUTPUTS, files that the debugger opens (semihosting). INPUTS holds dense int8
 * vectors one after the other. Without arguments those in flash (vectors.S) are embedded and
 * printed, and where there are none a single one of zeros.
 * Compiled with MODEL_H the header of the model, MODEL its struct, PREFIX its macros' first word.
 */
#include MODEL_H

#include <pocketvision/core.h>
#include <pocketvision/session.h>

#include "board.h"

#define JOINED(a, b) a##b
#define JOIN(a, b) JOINED(a, b)
#define CONSTANT(name) JOIN(PREFIX, name)
#if CONSTANT(_BANKS)
#error "the arena is in several RAM banks: compile for one, or use pv_session_init_banks"
#endif
#if CONSTANT(_INPUTS) != 1 || CONSTANT(_OUTPUTS) != 1
#error "the model has several inputs or outputs: use pv_session_run with arrays of them"
#endif
#define UNWRITTEN "the file cannot be written"

/* Static, so that a RAM too small for them is an error of the linker. */
static _Alignas(CONSTANT(_ARENA_ALIGNMENT)) uint8_t arena[CONSTANT(_ARENA_BYTES)];
static int8_t in[CONSTANT(_INPUT_BYTES)], out[CONSTANT(_OUTPUT_BYTES)];

extern const int8_t board_vectors[] __attribute__((weak));
extern const int8_t board_vectors_end[] __attribute__((weak));

static int fail(const char *what, pv_status status) {
  return board_fail(what, pv_status_message(status));
}

static int fail_file(const char *what, const char *path, const char *why) {
  board_print(what);
  return board_fail(path != NULL ? path : "(the second argument)", why);
}

static void print_vector(void) {
  for (size_t i = 0; i < sizeof out; i++) {
    board_print(out[i] < 0 ? " -" : " ");
    board_print_number((uint32_t)(out[i] < 0 ? -out[i] : out[i]));
  }
  board_print("\n");
}

int main(void) {
  pv_session session;
  pv_status status = pv_check(&MODEL);
  if (status == PV_OK) status = pv_session_init(&session, &MODEL, arena, sizeof arena);
  if (status != PV_OK) return fail("the model does not run here", status);

  uint32_t count = 0;
  const char *path = board_argument(1);
  if (path == NULL) {
    const int8_t *vector = board_vectors != NULL ? board_vectors : in;
    do {
      status = pv_session_run_one(&session, vector, out);
      if (status != PV_OK) return fail("run", status);
      print_vector();
      vector += sizeof in;
      count++;
    } while (board_vectors != NULL && vector + sizeof in <= board_vectors_end);
  } else {
    const int source = board_open(path, 0);
    if (source < 0) return fail_file("inputs ", path, "the file cannot be read");
    path = board_argument(2);
    const int target = path != NULL ? board_open(path, 1) : -1;
    if (target < 0) return fail_file("outputs ", path, UNWRITTEN);
    for (; board_read(source, in, sizeof in) == sizeof in; count++) {
      status = pv_session_run_one(&session, in, out);
      if (status != PV_OK) return fail("run", status);
      if (board_write(target, out, sizeof out) != sizeof out) {
        return fail_file("outputs ", path, UNWRITTEN);
      }
    }
    if (board_close(target) != 0) return fail_file("outputs ", path, UNWRITTEN);
  }
  board_print_number(count);
  board_print(" embedded, ");
  board_print_memory(sizeof arena);
  return 0;
}
