// Finder: the faces of frames, by a compiled detector.
#include <array>
#include <memory>
#include <mutex>
#include <vector>

#include "common.hpp"
#include "library.hpp"
#include "pocketvision/detect.h"
#include "unlocked.hpp"

#include <pybind11/stl.h>

namespace pocketvision {

// A second thread that uses the same finder waits: its memory holds one frame at a time.
class Finder {
 public:
  Finder(const py::object &library, const std::vector<uint32_t> &strides, double logit,
         double score, double overlap, const std::array<float, 3> &mean,
         const std::array<float, 3> &std, bool reversed, uint32_t capacity)
      : library_(Library::of(library)),
        arena_(model().arena_bytes, model().arena_alignment),
        candidates_(capacity) {
    if (capacity == 0) throw Failure(PV_ERR_ARGUMENT, "capacity: expected at least 1");
    check(pv_detect_recipe_init(&recipe_, &model(), strides.data(),
                                static_cast<uint32_t>(strides.size()), logit, score, overlap,
                                mean.data(), std.data(), reversed),
          "the record's strides, score, overlap, mean and std for this model");
    input_ = std::make_unique<AlignedBuffer>(pv_tensor_bytes(&model().inputs[0]), 64);
    for (uint32_t i = 0; i < model().output_count; i++) {
      outputs_.push_back(std::make_unique<AlignedBuffer>(pv_tensor_bytes(&model().outputs[i]), 64));
      pointers_.push_back(outputs_.back()->get());
    }
    check(pv_session_init(&session_, &model(), arena_.get(), model().arena_bytes), "session");
  }

  py::array_t<pv_detection> find(const py::array &rows, int format, uint32_t width, uint32_t turn,
                                 const std::array<uint32_t, 4> &area, uint32_t most) {
    require_array(rows, py::dtype::of<uint8_t>(), {kAny, kAny}, "rows");
    const auto height = static_cast<uint32_t>(rows.shape(0));
    const auto stride = static_cast<uint32_t>(rows.shape(1));
    const pv_frame frame = {static_cast<const uint8_t *>(rows.data()),
                            static_cast<size_t>(rows.size()),
                            static_cast<pv_pixel_format>(format),
                            width,
                            height,
                            stride};
    const pv_area shown = {area[0], area[1], area[2], area[3]};
    std::vector<pv_detection> faces(most);
    uint32_t count = 0;
    {
      const Unlocked unlocked;
      const std::lock_guard<std::mutex> lock(mutex_);
      const pv_detect_memory memory = {input_->get(), pointers_.data(), candidates_.data(),
                                       static_cast<uint32_t>(candidates_.size())};
      check(
          pv_detect(&session_, &recipe_, &frame, &shown, turn, &memory, faces.data(), most, &count),
          "frame");
    }
    return py::array_t<pv_detection>(static_cast<py::ssize_t>(count), faces.data());
  }

  py::array_t<pv_detection> decode(const std::vector<py::array> &outputs, uint32_t most) {
    if (outputs.size() != pointers_.size()) {
      throw Failure(PV_ERR_ARGUMENT, "outputs: expected " + std::to_string(pointers_.size()) +
                                         " arrays, got " + std::to_string(outputs.size()));
    }
    std::vector<const void *> sources;
    for (size_t i = 0; i < outputs.size(); i++) {
      const pv_tensor &tensor = model().outputs[i];
      require_array(
          outputs[i],
          tensor.dtype == PV_DTYPE_INT8 ? py::dtype::of<int8_t>() : py::dtype::of<uint8_t>(),
          {tensor.shape, tensor.shape + tensor.rank}, std::string("output '") + tensor.name + "'");
      sources.push_back(outputs[i].data());
    }
    std::vector<pv_detection> faces(most);
    uint32_t count = 0;
    const std::lock_guard<std::mutex> lock(mutex_);
    check(pv_detect_decode(&recipe_, sources.data(), candidates_.data(),
                           static_cast<uint32_t>(candidates_.size()), faces.data(), most, &count),
          "outputs");
    return py::array_t<pv_detection>(static_cast<py::ssize_t>(count), faces.data());
  }

 private:
  const pv_model &model() const { return library_->model(); }

  std::shared_ptr<Library> library_;
  AlignedBuffer arena_;
  pv_detect_recipe recipe_{};
  std::unique_ptr<AlignedBuffer> input_;
  std::vector<std::unique_ptr<AlignedBuffer>> outputs_;
  std::vector<void *> pointers_;
  std::vector<pv_candidate> candidates_;
  pv_session session_{};
  std::mutex mutex_;
};

}  // namespace pocketvision

namespace pybind11::detail {
template <>
struct type_caster<pocketvision::Finder> : initialised_caster<pocketvision::Finder> {};
}  // namespace pybind11::detail

namespace pocketvision {

void register_detect(py::module_ &module) {
  PYBIND11_NUMPY_DTYPE(pv_detection, box, landmarks, score);
  module.attr("DETECTION") = py::dtype::of<pv_detection>();
  module.attr("DETECTION_UNIT") = PV_DETECT_UNIT;
  module.attr("DETECTION_SCORE_ONE") = PV_DETECT_SCORE_ONE;
  py::class_<Finder>(module, "Finder", "A detector with memory for one frame at a time.")
      .def(py::init<const py::object &, const std::vector<uint32_t> &, double, double, double,
                    const std::array<float, 3> &, const std::array<float, 3> &, bool, uint32_t>(),
           py::arg("library"), py::arg("strides"), py::arg("logit"), py::arg("score"),
           py::arg("overlap"), py::arg("mean"), py::arg("std"), py::arg("reversed"),
           py::arg("capacity"))
      .def("find", &Finder::find, py::arg("rows"), py::arg("format"), py::arg("width"),
           py::arg("turn"), py::arg("area"), py::arg("most"),
           "Of a frame, uint8 (H, bytes of a row), the faces in an area: (N,) of DETECTION.")
      .def("decode", &Finder::decode, py::arg("outputs"), py::arg("most"),
           "Of a run's stored outputs the faces in 1/256 pixel of the input.");
}

}  // namespace pocketvision
