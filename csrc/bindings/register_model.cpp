// Library (an open model file), Session (one arena) and what this processor offers.
#include <cstring>
#include <memory>
#include <mutex>
#include <string>

#include "common.hpp"
#include "library.hpp"
#include "pocketvision/session.h"
#include "unlocked.hpp"

namespace pocketvision {

static py::str decode(const char *text) {
  return py::reinterpret_steal<py::str>(
      PyUnicode_DecodeUTF8(text, static_cast<py::ssize_t>(std::strlen(text)), "replace"));
}

Library::Library(const std::string &path) {
  char detail[512];
  pv_status status;
  {
    const Unlocked unlocked;
    status = pv_library_open(&library_, path.c_str(), detail, sizeof detail);
  }
  if (status == PV_OK) return;
  std::string text = path + ": " + pv_status_message(status);
  if (detail[0] != '\0') text += std::string(" (") + detail + ")";
  if (status == PV_ERR_FEATURES) {
    text += ". Use a model compiled for another target, or unset POCKETVISION_TARGET";
  } else if (status != PV_ERR_OPEN) {
    text += ". Compile the model again: pocketvision compile MODEL.onnx --target T --out DIR";
  }
  throw Failure(status, text);
}

// A second thread that uses the same session waits: the arena holds one run at a time.
class Session {
 public:
  explicit Session(std::shared_ptr<Library> library)
      : library_(std::move(library)),
        arena_(model().arena_bytes, model().arena_alignment),
        in_(pv_tensor_bytes(&model().input), 64),
        out_(pv_tensor_bytes(&model().output), 64) {
    check(pv_session_init(&session_, &model(), arena_.get(), model().arena_bytes), "session");
  }

  py::array run(const py::array &input) {
    const pv_tensor &from = model().input, &to = model().output;
    require_array(input, type_of(from), {from.height, from.width, from.channels}, "input");
    py::array result(type_of(to), {to.height, to.width, to.channels});
    const void *source = input.data();
    void *destination = result.mutable_data();
    {
      const Unlocked unlocked;
      const std::lock_guard<std::mutex> lock(mutex_);
      std::memcpy(in_.get(), source, pv_tensor_bytes(&from));
      check(pv_session_run(&session_, in_.get(), out_.get()), "run");
      std::memcpy(destination, out_.get(), pv_tensor_bytes(&to));
    }
    return result;
  }

 private:
  const pv_model &model() const { return library_->model(); }
  static py::dtype type_of(const pv_tensor &tensor) {
    return tensor.dtype == PV_DTYPE_INT8 ? py::dtype::of<int8_t>() : py::dtype::of<uint8_t>();
  }

  std::shared_ptr<Library> library_;
  AlignedBuffer arena_, in_, out_;
  pv_session session_{};
  std::mutex mutex_;
};

void register_model(py::module_ &module) {
  module.def("host_features", &pv_host_features,
             "Processor features as the bits of enum pv_feature in model.h.");
  module.attr("FEATURE_AVX2") = static_cast<uint32_t>(PV_FEATURE_AVX2);
  module.attr("FEATURE_AVX512_VNNI") = static_cast<uint32_t>(PV_FEATURE_AVX512_VNNI);
  module.attr("FEATURE_AVX_VNNI") = static_cast<uint32_t>(PV_FEATURE_AVX_VNNI);
  module.attr("FEATURE_NEON") = static_cast<uint32_t>(PV_FEATURE_NEON);
  module.attr("FEATURE_DOTPROD") = static_cast<uint32_t>(PV_FEATURE_DOTPROD);
  module.attr("FEATURE_I8MM") = static_cast<uint32_t>(PV_FEATURE_I8MM);

  py::class_<pv_tensor>(module, "Tensor", "Type, shape and scale of a model's input or output.")
      .def_property_readonly("name", [](const pv_tensor &t) { return decode(t.name); })
      .def_property_readonly(
          "dtype", [](const pv_tensor &t) { return t.dtype == PV_DTYPE_INT8 ? "int8" : "uint8"; })
      .def_property_readonly(
          "shape", [](const pv_tensor &t) { return py::make_tuple(t.height, t.width, t.channels); })
      .def_readonly("scale", &pv_tensor::scale)
      .def_readonly("zero_point", &pv_tensor::zero_point);

  const auto inside = py::return_value_policy::reference_internal;
  py::class_<Library, std::shared_ptr<Library>>(module, "Library", "An open compiled model.")
      .def(py::init<const std::string &>(), py::arg("path"))
      .def_property_readonly("target", [](const Library &l) { return decode(l.model().target); })
      .def_property_readonly("source_sha256",
                             [](const Library &l) { return decode(l.model().source_sha256); })
      .def_property_readonly("record", [](const Library &l) { return py::bytes(l.model().record); })
      .def_property_readonly("arena_bytes", [](const Library &l) { return l.model().arena_bytes; })
      .def_property_readonly(
          "input", [](const Library &l) -> const pv_tensor & { return l.model().input; }, inside)
      .def_property_readonly(
          "output", [](const Library &l) -> const pv_tensor & { return l.model().output; }, inside);

  py::class_<Session>(module, "Session", "One arena on a shared model.")
      .def(py::init<std::shared_ptr<Library>>(), py::arg("library"))
      .def("run", &Session::run, py::arg("input"),
           "Run once: (H, W, C) of the input's type to (H, W, C) of the output's.");
}

}  // namespace pocketvision
