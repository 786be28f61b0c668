/* One face: alignment where it is asked for, normalisation, network, unit length. */
#include "pocketvision/embed.h"

#include "pocketvision/compare.h"

#define LEAST_ALIGNMENT 64 /* of a cache line, so that no two threads write to one */
#define LANDMARKS 5

static size_t rounded(size_t bytes, size_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

size_t pv_embedder_alignment(const pv_model *model) {
  return model->arena_alignment > LEAST_ALIGNMENT ? model->arena_alignment : LEAST_ALIGNMENT;
}

size_t pv_embedder_bytes(const pv_model *model) {
  const size_t parts = rounded((size_t)model->arena_bytes, LEAST_ALIGNMENT) +
                       2 * rounded(pv_tensor_bytes(&model->inputs[0]), LEAST_ALIGNMENT) +
                       rounded(pv_tensor_bytes(&model->outputs[0]), LEAST_ALIGNMENT);
  return rounded(parts, pv_embedder_alignment(model));
}

pv_status pv_embedder_init(pv_embedder *embedder, const pv_model *model, void *memory,
                           size_t bytes) {
  if (embedder == NULL || model == NULL || memory == NULL) return PV_ERR_ARGUMENT;
  if (!pv_takes_a_face(model)) return PV_ERR_TENSOR;
  if (bytes < pv_embedder_bytes(model) || (uintptr_t)memory % pv_embedder_alignment(model) != 0) {
    return PV_ERR_ARENA;
  }
  const size_t pixels = rounded(pv_tensor_bytes(&model->inputs[0]), LEAST_ALIGNMENT);
  embedder->input = (uint8_t *)memory + rounded((size_t)model->arena_bytes, LEAST_ALIGNMENT);
  embedder->crop = embedder->input + pixels;
  embedder->output = embedder->crop + pixels;
  return pv_session_init(&embedder->session, model, memory, (size_t)model->arena_bytes);
}

static pv_status cut_out(const pv_faces *faces, const pv_tensor *input, size_t index,
                         uint8_t *crop) {
  pv_similarity similarity;
  const double *points = faces->landmarks + index * LANDMARKS * 2;
  const pv_status status = pv_similarity_fit(points, faces->reference, LANDMARKS, &similarity);
  if (status != PV_OK) return status;
  return pv_warp(&faces->picture, &similarity, crop, input->shape[0], input->shape[1]);
}

static pv_status judge(const pv_faces *faces, const pv_tensor *input, size_t index,
                       const uint8_t *crop) {
  if (input->shape[0] != input->shape[1]) return PV_ERR_TENSOR;
  const double *points = faces->landmarks == NULL ? NULL : faces->landmarks + index * LANDMARKS * 2;
  const int cut = faces->crops != NULL && points != NULL;
  return pv_quality_of_face(crop, input->shape[0], points, faces->reference,
                            cut ? faces->sides[2 * index + 1] : faces->picture.width,
                            cut ? faces->sides[2 * index] : faces->picture.height, faces->smallest,
                            &faces->qualities[index]);
}

pv_status pv_embed_face(void *context, size_t thread, size_t index) {
  const pv_faces *faces = (const pv_faces *)context;
  const pv_embedder *own = &faces->embedders[thread];
  const pv_tensor *input = &own->session.model->inputs[0],
                  *output = &own->session.model->outputs[0];
  const size_t width = pv_tensor_bytes(output);
  const uint8_t *crop = own->crop;
  pv_status status = PV_OK;
  if (faces->crops != NULL) {
    crop = faces->crops + index * pv_tensor_bytes(input);
  } else {
    status = cut_out(faces, input, index, own->crop);
  }
  if (status != PV_OK) return status;
  if (faces->qualities != NULL) {
    status = judge(faces, input, index, crop);
    if (status != PV_OK) return status;
  }
  pv_pixels_to_input(faces->tables, crop, (size_t)input->shape[0] * input->shape[1], own->input);
  status = pv_session_run_one(&own->session, own->input, own->output);
  if (status != PV_OK) return status;
  float *embedding = faces->embeddings + index * width;
  status = pv_dequantise(output, own->output, embedding);
  return status != PV_OK ? status : pv_l2_normalise(embedding, width);
}
