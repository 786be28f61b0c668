// Cosine of two embeddings, and the nearest rows of a gallery.
#include "common.hpp"
#include "pocketvision/compare.h"
#include "unlocked.hpp"

namespace pocketvision {

static float cosine(const py::array &a, const py::array &b) {
  const py::dtype type = py::dtype::of<float>();
  require_array(a, type, {kAny}, "a");
  require_array(b, type, {a.shape(0)}, "b");
  float result = 0;
  check(pv_cosine(static_cast<const float *>(a.data()), static_cast<const float *>(b.data()),
                  static_cast<size_t>(a.shape(0)), &result),
        "embeddings");
  return result;
}

static py::tuple top_k(const py::array &query, const py::array &gallery, size_t k) {
  const py::dtype type = py::dtype::of<float>();
  require_array(query, type, {kAny}, "query");
  require_array(gallery, type, {kAny, query.shape(0)}, "gallery");
  const auto rows = static_cast<size_t>(gallery.shape(0));
  if (k == 0 || k > rows) {
    throw Failure(PV_ERR_ARGUMENT, "k: expected 1 to " + std::to_string(rows) +
                                       " (the rows of the gallery), got " + std::to_string(k));
  }
  py::array_t<int64_t> indices(static_cast<py::ssize_t>(k));
  py::array_t<float> scores(static_cast<py::ssize_t>(k));
  pv_status status;
  {
    const auto *wanted = static_cast<const float *>(query.data());
    const auto *all = static_cast<const float *>(gallery.data());
    const auto count = static_cast<size_t>(query.shape(0));
    int64_t *places = indices.mutable_data();
    float *values = scores.mutable_data();
    const Unlocked unlocked;
    status = pv_top_k(wanted, all, rows, count, k, places, values);
  }
  check(status, "gallery");
  return py::make_tuple(indices, scores);
}

void register_compare(py::module_ &module) {
  module.def("cosine", &cosine, py::arg("a"), py::arg("b"), "Cosine of two float32 vectors (D,).");
  module.def("top_k", &top_k, py::arg("query"), py::arg("gallery"), py::arg("k"),
             "Indices (k,) and scores (k,) of the rows of `gallery` (N, D) nearest to `query`.");
}

}  // namespace pocketvision
