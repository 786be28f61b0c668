// PixelTables (normalisation as tables) and warp (alignment of faces).
#include <array>

#include "common.hpp"
#include "pocketvision/preprocess.h"
#include "unlocked.hpp"

#include <pybind11/stl.h>

namespace pocketvision {

static pv_pixel_tables make_tables(const pv_tensor &input, const std::array<float, 3> &mean,
                                   const std::array<float, 3> &std, bool reversed) {
  pv_pixel_tables tables;
  check(pv_pixel_tables_init(&tables, &input, mean.data(), std.data(), reversed),
        "the record's mean and std for this input");
  return tables;
}

static py::array_t<uint8_t> apply(const pv_pixel_tables &tables, const py::array &pixels) {
  require_array(pixels, py::dtype::of<uint8_t>(), {kAny, kAny, 3}, "pixels");
  py::array_t<uint8_t> result({pixels.shape(0), pixels.shape(1), pixels.shape(2)});
  pv_pixels_to_input(&tables, static_cast<const uint8_t *>(pixels.data()),
                     static_cast<size_t>(pixels.shape(0) * pixels.shape(1)), result.mutable_data());
  return result;
}

static py::array_t<uint8_t> warp(const py::array &picture, const py::array &landmarks,
                                 const py::array &reference, size_t height, size_t width) {
  require_array(picture, py::dtype::of<uint8_t>(), {kAny, kAny, 3}, "picture");
  require_array(landmarks, py::dtype::of<double>(), {kAny, 5, 2}, "landmarks");
  require_array(reference, py::dtype::of<double>(), {5, 2}, "template");
  if (height == 0 || width == 0 || height > PV_MAX_SIDE || width > PV_MAX_SIDE) {
    throw Failure(PV_ERR_ARGUMENT, "size: expected sides from 1 to 1048576 pixels");
  }
  const auto faces = static_cast<size_t>(landmarks.shape(0));
  py::array_t<uint8_t> crops({faces, height, width, size_t{3}});
  const pv_picture source = {static_cast<const uint8_t *>(picture.data()),
                             static_cast<size_t>(picture.shape(0)),
                             static_cast<size_t>(picture.shape(1))};
  const auto *points = static_cast<const double *>(landmarks.data());
  const auto *targets = static_cast<const double *>(reference.data());
  uint8_t *crop = crops.mutable_data();
  {
    const Unlocked unlocked;
    for (size_t face = 0; face < faces; face++) {
      const std::string where = "landmarks of face " + std::to_string(face);
      pv_similarity similarity;
      check(pv_similarity_fit(points + face * 10, targets, 5, &similarity), where);
      check(pv_warp(&source, &similarity, crop + face * height * width * 3, height, width), where);
    }
  }
  return crops;
}

void register_preprocess(py::module_ &module) {
  py::class_<pv_pixel_tables>(module, "PixelTables", "From pixels to a model's stored input.")
      .def(py::init(&make_tables), py::arg("input"), py::arg("mean"), py::arg("std"),
           py::arg("reversed"))
      .def("apply", &apply, py::arg("pixels"),
           "Uint8 pixels (H, W, 3) to the stored bytes (H, W, 3) of the input, seen as uint8.");
  module.def("warp", &warp, py::arg("picture"), py::arg("landmarks"), py::arg("template"),
             py::arg("height"), py::arg("width"),
             "Uint8 picture and float64 landmarks (F, 5, 2) to uint8 crops (F, H, W, 3).");
}

}  // namespace pocketvision
