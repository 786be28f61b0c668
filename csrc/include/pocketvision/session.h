/* Checks a model's description and runs it in an arena that the caller owns. */
#ifndef POCKETVISION_SESSION_H
#define POCKETVISION_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "pocketvision/model.h"
#include "pocketvision/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Largest arena and largest tensor that a description may ask for, in bytes. */
#define PV_MAX_ARENA_BYTES (UINT64_C(1) << 30)
#define PV_MAX_TENSOR_BYTES (UINT64_C(1) << 28)
#define PV_MAX_BANKS 8

/* One model and one arena: the state of one thread of execution. */
typedef struct pv_session {
  const pv_model *model;
  void *arena;
} pv_session;

/* Bytes of all elements; valid for a checked model. */
size_t pv_tensor_bytes(const pv_tensor *tensor);

/* Whether a checked model takes one picture of three colours, {height, width, 3}, and gives one
 * output, both of 8 bits, as the functions on faces ask of it. */
int pv_takes_a_face(const pv_model *model);

/* PV_OK when magic, ABI version, sizes, tensors and arena are possible. Reads nothing behind the
 * first field that is wrong. Architecture and features are the loader's part. */
pv_status pv_model_check(const pv_model *model);

/* Binds a checked `model` to `arena`, which must be aligned to `model->arena_alignment`, hold
 * `model->arena_bytes` and outlive the session; it may be null for a model that needs none. A model
 * that wants several banks is refused. */
pv_status pv_session_init(pv_session *session, const pv_model *model, void *arena,
                          size_t arena_bytes);

/* The same for a model whose arena stands in several RAM banks: `banks` has `count` pointers, as
 * many as the model wants, each with the alignment and the size that the emitted header names; the
 * array itself must outlive the session too. */
pv_status pv_session_init_banks(pv_session *session, const pv_model *model, void *const *banks,
                                uint32_t count);

/* Runs the model once: in[i] and out[i] hold pv_tensor_bytes() of input and output i, at any
 * address; none overlaps another or the arena. PV_ERR_RUN where the model failed. */
pv_status pv_session_run(const pv_session *session, const void *const *in, void *const *out);

/* The same for a model of one input and one output; PV_ERR_ARGUMENT for any other. */
pv_status pv_session_run_one(const pv_session *session, const void *in, void *out);

#ifdef __cplusplus
}
#endif

#endif
