// The quality of faces: what crops and landmarks say of how far an answer can be trusted.
#include "pocketvision/embed.h"
#include "quality.hpp"
#include "unlocked.hpp"

namespace pocketvision {

pv_quality *qualities_of(const py::object &array, py::ssize_t count) {
  if (array.is_none()) return nullptr;
  if (!py::isinstance<py::array>(array)) {
    throw Failure(PV_ERR_ARGUMENT, "qualities: expected an array of QUALITY or None");
  }
  auto given = py::reinterpret_borrow<py::array>(array);
  require_array(given, py::dtype::of<pv_quality>(), {count}, "qualities");
  if (!given.writeable()) throw Failure(PV_ERR_ARGUMENT, "qualities: cannot be written");
  return static_cast<pv_quality *>(given.mutable_data());
}

static py::ssize_t checked_side(const py::array &crops) {
  require_array(crops, py::dtype::of<uint8_t>(), {kAny, kAny, kAny, 3}, "crops");
  const py::ssize_t side = crops.shape(1);
  if (side != crops.shape(2) || side < PV_QUALITY_LEAST_SIDE || side > PV_QUALITY_MOST_SIDE) {
    throw Failure(PV_ERR_ARGUMENT, "crops: quality is measured on square crops of " +
                                       std::to_string(PV_QUALITY_LEAST_SIDE) + " to " +
                                       std::to_string(PV_QUALITY_MOST_SIDE) +
                                       " pixels a side, got " + std::to_string(side) + "x" +
                                       std::to_string(crops.shape(2)));
  }
  return side;
}

static py::array_t<pv_quality> qualities(const py::array &crops, const py::object &landmarks,
                                         const py::array &reference, size_t height, size_t width,
                                         uint32_t smallest) {
  const auto side = static_cast<uint32_t>(checked_side(crops));
  const double *points = nullptr;
  require_array(reference, py::dtype::of<double>(), {5, 2}, "template");
  if (!landmarks.is_none()) {
    const auto given = landmarks.cast<py::array>();
    require_array(given, py::dtype::of<double>(), {crops.shape(0), 5, 2}, "landmarks");
    points = static_cast<const double *>(given.data());
  }
  py::array_t<pv_quality> result(crops.shape(0));
  const auto *pixels = static_cast<const uint8_t *>(crops.data());
  const auto *target = static_cast<const double *>(reference.data());
  pv_quality *found = result.mutable_data();
  const auto count = static_cast<size_t>(crops.shape(0));
  {
    const Unlocked unlocked;
    for (size_t i = 0; i < count; i++) {
      check(pv_quality_of_face(pixels + i * side * side * 3, side,
                               points == nullptr ? nullptr : points + i * 10, target, width, height,
                               smallest, found + i),
            "landmarks of face " + std::to_string(i));
    }
  }
  return result;
}

static py::array_t<int8_t> features(const py::array &crops) {
  const auto side = static_cast<uint32_t>(checked_side(crops));
  py::array_t<int8_t> result({crops.shape(0), py::ssize_t{PV_QUALITY_FEATURES}});
  const auto *pixels = static_cast<const uint8_t *>(crops.data());
  for (py::ssize_t i = 0; i < crops.shape(0); i++) {
    check(pv_quality_features(pixels + static_cast<size_t>(i) * side * side * 3, side,
                              result.mutable_data(i, 0)),
          "crops");
  }
  return result;
}

static void see_templates(const py::object &qualities, const py::array &templates,
                          const py::array &directions, double level) {
  require_array(templates, py::dtype::of<int8_t>(), {kAny, kAny}, "templates");
  require_array(directions, py::dtype::of<int8_t>(), {kAny, templates.shape(1)}, "directions");
  pv_quality *found = qualities_of(qualities, templates.shape(0));
  if (found == nullptr || !(level >= 0 && level <= 1)) {
    throw Failure(PV_ERR_ARGUMENT, "expected an array of QUALITY, and a level of 0 to 1");
  }
  const pv_unrecognisable known = {static_cast<const int8_t *>(directions.data()),
                                   static_cast<uint32_t>(directions.shape(0)),
                                   static_cast<int32_t>(level * PV_SCORE_ONE + 0.5)};
  const auto *rows = static_cast<const int8_t *>(templates.data());
  for (py::ssize_t i = 0; i < templates.shape(0); i++) {
    check(pv_quality_see_template(found + i, rows + i * templates.shape(1),
                                  static_cast<uint32_t>(templates.shape(1)), &known),
          "template " + std::to_string(i));
  }
}

void register_quality(py::module_ &module) {
  PYBIND11_NUMPY_DTYPE(pv_quality, score, face, brightness, contrast, dark, bright, placed, outside,
                       residual, yaw, roll, sharpness, margin, eye_distance, reasons);
  module.attr("QUALITY") = py::dtype::of<pv_quality>();
  module.attr("QUALITY_QUERY") = PV_QUALITY_QUERY;
  module.attr("QUALITY_ENROL") = PV_QUALITY_ENROL;
  module.attr("QUALITY_MARGIN_ONE") = PV_QUALITY_MARGIN_ONE;
  module.attr("QUALITY_MOST_MARGIN") = PV_QUALITY_MOST_MARGIN;
  module.attr("QUALITY_EYES_UNIT") = PV_QUALITY_EYES_UNIT;
  py::dict reasons;
  for (uint32_t bit = 1; bit <= PV_QUALITY_ALIKE; bit <<= 1) {
    reasons[py::int_(bit)] = pv_quality_reason(bit);
  }
  module.attr("QUALITY_REASONS") = reasons;
  module.def(
      "qualities", &qualities, py::arg("crops"), py::arg("landmarks"), py::arg("template"),
      py::arg("height"), py::arg("width"), py::arg("smallest") = 0,
      "Of uint8 crops (N, S, S, 3), and float64 landmarks (N, 5, 2) in a picture of height "
      "x width or None, an array (N,) of QUALITY, by a model for faces of `smallest` pixels.");
  module.def("see_templates", &see_templates, py::arg("qualities"), py::arg("templates"),
             py::arg("directions"), py::arg("level"),
             "Adds what int8 templates (N, D) say to an array (N,) of QUALITY: how far they lie "
             "along int8 directions (K, D), where unrecognisable faces gather.");
  module.def("quality_features", &features, py::arg("crops"),
             "What the quality's network reads of uint8 crops (N, S, S, 3): int8 (N, 357).");
}

}  // namespace pocketvision
