/* Checks of a model's description, and running it. */
#include "pocketvision/session.h"

#include <float.h>

#define MAX_ALIGNMENT UINT32_C(4096)

static uint32_t item_bytes(const pv_tensor *tensor) {
  return tensor->dtype == PV_DTYPE_FLOAT32 ? 4 : 1;
}

static pv_status check_tensor(const pv_tensor *tensor) {
  if (tensor->name == NULL) return PV_ERR_STRUCT;
  if (tensor->dtype < PV_DTYPE_INT8 || tensor->dtype > PV_DTYPE_FLOAT32) return PV_ERR_TENSOR;
  if (tensor->rank == 0 || tensor->rank > PV_MAX_RANK) return PV_ERR_TENSOR;
  uint64_t bytes = item_bytes(tensor);
  for (uint32_t i = 0; i < tensor->rank; i++) {
    /* Both factors stay below 2^28 and 2^32, so the product fits. */
    if (tensor->shape[i] == 0) return PV_ERR_TENSOR;
    bytes *= tensor->shape[i];
    if (bytes > PV_MAX_TENSOR_BYTES) return PV_ERR_TENSOR;
  }
  if (tensor->dtype == PV_DTYPE_FLOAT32) {
    return tensor->scale == 1.0f && tensor->zero_point == 0 ? PV_OK : PV_ERR_TENSOR;
  }
  /* Written so that a NaN fails too. */
  if (!(tensor->scale > 0.0f && tensor->scale <= FLT_MAX)) return PV_ERR_TENSOR;
  const int32_t low = tensor->dtype == PV_DTYPE_INT8 ? -128 : 0;
  if (tensor->zero_point < low || tensor->zero_point > low + 255) return PV_ERR_TENSOR;
  return PV_OK;
}

size_t pv_tensor_bytes(const pv_tensor *tensor) {
  size_t bytes = item_bytes(tensor);
  for (uint32_t i = 0; i < tensor->rank; i++) bytes *= tensor->shape[i];
  return bytes;
}

int pv_takes_a_face(const pv_model *model) {
  return model->input_count == 1 && model->output_count == 1 && model->inputs[0].rank == 3 &&
         model->inputs[0].shape[2] == 3 && model->inputs[0].dtype != PV_DTYPE_FLOAT32 &&
         model->outputs[0].dtype != PV_DTYPE_FLOAT32;
}

static pv_status check_tensors(const pv_tensor *tensors, uint32_t count) {
  if (tensors == NULL) return PV_ERR_STRUCT;
  if (count == 0 || count > PV_MAX_TENSORS) return PV_ERR_TENSOR;
  for (uint32_t i = 0; i < count; i++) {
    const pv_status status = check_tensor(&tensors[i]);
    if (status != PV_OK) return status;
  }
  return PV_OK;
}

pv_status pv_model_check(const pv_model *model) {
  if (model == NULL) return PV_ERR_ARGUMENT;
  if (model->magic != PV_MODEL_MAGIC) return PV_ERR_MAGIC;
  if (model->abi_version != PV_ABI_VERSION) return PV_ERR_ABI;
  if (model->struct_bytes != sizeof(pv_model)) return PV_ERR_STRUCT;
  if (model->target == NULL || model->source_sha256 == NULL || model->record == NULL ||
      model->run == NULL) {
    return PV_ERR_STRUCT;
  }
  const uint32_t alignment = model->arena_alignment;
  if (model->arena_bytes > PV_MAX_ARENA_BYTES || alignment == 0 || alignment > MAX_ALIGNMENT ||
      (alignment & (alignment - 1)) != 0 || model->banks == 1 || model->banks > PV_MAX_BANKS) {
    return PV_ERR_ARENA;
  }
  const pv_status status = check_tensors(model->inputs, model->input_count);
  return status != PV_OK ? status : check_tensors(model->outputs, model->output_count);
}

pv_status pv_session_init(pv_session *session, const pv_model *model, void *arena,
                          size_t arena_bytes) {
  if (session == NULL || model == NULL) return PV_ERR_ARGUMENT;
  if (arena_bytes < model->arena_bytes || model->banks != 0) return PV_ERR_ARENA;
  if (model->arena_bytes > 0 && (arena == NULL || (uintptr_t)arena % model->arena_alignment != 0)) {
    return PV_ERR_ARENA;
  }
  session->model = model;
  session->arena = arena;
  return PV_OK;
}

pv_status pv_session_init_banks(pv_session *session, const pv_model *model, void *const *banks,
                                uint32_t count) {
  if (session == NULL || model == NULL || banks == NULL) return PV_ERR_ARGUMENT;
  if (count == 0 || count != model->banks) return PV_ERR_ARENA;
  for (uint32_t i = 0; i < count; i++) {
    if (banks[i] == NULL || (uintptr_t)banks[i] % model->arena_alignment != 0) return PV_ERR_ARENA;
  }
  session->model = model;
  /* run() reads the table only. */
  session->arena = (void *)(uintptr_t)banks;
  return PV_OK;
}

pv_status pv_session_run(const pv_session *session, const void *const *in, void *const *out) {
  if (session == NULL || session->model == NULL || in == NULL || out == NULL) {
    return PV_ERR_ARGUMENT;
  }
  const pv_model *model = session->model;
  for (uint32_t i = 0; i < model->input_count; i++) {
    if (in[i] == NULL) return PV_ERR_ARGUMENT;
  }
  for (uint32_t i = 0; i < model->output_count; i++) {
    if (out[i] == NULL) return PV_ERR_ARGUMENT;
  }
  return model->run(in, out, session->arena) == 0 ? PV_OK : PV_ERR_RUN;
}

pv_status pv_session_run_one(const pv_session *session, const void *in, void *out) {
  if (session == NULL || session->model == NULL || session->model->input_count != 1 ||
      session->model->output_count != 1) {
    return PV_ERR_ARGUMENT;
  }
  return pv_session_run(session, &in, &out);
}
