// The nearest of many int8 templates, which lie in an array or in the bytes of a gallery's file.
#include "common.hpp"
#include "pocketvision/loader.h"
#include "pocketvision/search.h"
#include "unlocked.hpp"

namespace pocketvision {

// Rows of a view int8 (N, D) whose rows may be further apart than D bytes.
static pv_templates rows_of(const py::array &rows) {
  if (!rows.dtype().is(py::dtype::of<int8_t>()) || rows.ndim() != 2 || rows.size() == 0 ||
      rows.strides(1) != 1 || rows.strides(0) < rows.shape(1) || rows.shape(0) > UINT32_MAX ||
      rows.shape(1) > PV_MAX_DIMENSION) {
    throw Failure(PV_ERR_ARGUMENT, "templates: expected int8 (N, D), not empty, D at most " +
                                       std::to_string(PV_MAX_DIMENSION));
  }
  pv_templates result{};
  result.first = static_cast<const int8_t *>(rows.data());
  result.stride = static_cast<size_t>(rows.strides(0));
  result.count = static_cast<uint32_t>(rows.shape(0));
  result.dimension = static_cast<uint32_t>(rows.shape(1));
  return result;
}

static py::array_t<float> measure_templates(const py::array &rows) {
  const pv_templates templates = rows_of(rows);
  py::array_t<float> inverse(rows.shape(0));
  float *out = inverse.mutable_data();
  uint32_t row = 0;
  pv_status status;
  {
    const Unlocked unlocked;
    status = pv_templates_measure(&templates, out, &row);
  }
  check(status, "templates: row " + std::to_string(row));
  return inverse;
}

static py::tuple search_templates(const py::array &rows, const py::array &inverse,
                                  const py::array &probes, size_t k, uint32_t features) {
  pv_templates templates = rows_of(rows);
  require_array(inverse, py::dtype::of<float>(), {rows.shape(0)}, "inverse");
  require_array(probes, py::dtype::of<int8_t>(), {kAny, rows.shape(1)}, "probes");
  templates.inverse = static_cast<const float *>(inverse.data());
  if (k == 0 || k > templates.count) {
    throw Failure(PV_ERR_ARGUMENT, "k: expected 1 to " + std::to_string(templates.count) +
                                       " (the templates), got " + std::to_string(k));
  }
  const py::ssize_t count = probes.shape(0);
  std::vector<pv_match> matches(static_cast<size_t>(count) * k);
  const auto *wanted = static_cast<const int8_t *>(probes.data());
  uint32_t row = 0;
  pv_status status;
  {
    const Unlocked unlocked;
    status = pv_templates_search(&templates, wanted, static_cast<uint32_t>(count),
                                 static_cast<uint32_t>(k), features & pv_host_features(),
                                 matches.data(), &row);
  }
  check(status, "probes: row " + std::to_string(row));
  py::array_t<int64_t> indices({count, static_cast<py::ssize_t>(k)});
  py::array_t<int32_t> scores({count, static_cast<py::ssize_t>(k)});
  for (size_t i = 0; i < matches.size(); i++) {
    indices.mutable_data()[i] = matches[i].index;
    scores.mutable_data()[i] = matches[i].score;
  }
  return py::make_tuple(indices, scores);
}

void register_search(py::module_ &module) {
  module.attr("SCORE_ONE") = PV_SCORE_ONE;
  module.def("measure_templates", &measure_templates, py::arg("templates"),
             "1 / length of each row of int8 (N, D), float32 (N,).");
  module.def("search_templates", &search_templates, py::arg("templates"), py::arg("inverse"),
             py::arg("probes"), py::arg("k"), py::arg("features") = UINT32_MAX,
             "Indices int64 and scores int32 of SCORE_ONE, (Q, k) both, of the rows of int8 (N, D) "
             "nearest to each of `probes` int8 (Q, D). `features`: bits of instruction sets that "
             "may be used.");
}

}  // namespace pocketvision
