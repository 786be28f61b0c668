// Library (an open model file), Session (one arena) and what this processor offers.
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common.hpp"
#include "library.hpp"
#include "pocketvision/session.h"
#include "unlocked.hpp"

#include <pybind11/stl.h>

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

std::shared_ptr<Library> Library::of(const py::object &object) {
  if (!py::isinstance<Library>(object)) {
    throw Failure(PV_ERR_ARGUMENT, std::string("library: expected an open Library, got ") +
                                       Py_TYPE(object.ptr())->tp_name);
  }
  (void)object.cast<const Library &>();  // refuses one that is not initialised
  return object.cast<std::shared_ptr<Library>>();
}

// A second thread that uses the same session waits: the arena holds one run at a time.
class Session {
 public:
  explicit Session(const py::object &library)
      : library_(Library::of(library)), arena_(model().arena_bytes, model().arena_alignment) {
    for (uint32_t i = 0; i < model().input_count; i++) {
      in_.push_back(std::make_unique<AlignedBuffer>(pv_tensor_bytes(&model().inputs[i]), 64));
      in_pointers_.push_back(in_.back()->get());
    }
    for (uint32_t i = 0; i < model().output_count; i++) {
      out_.push_back(std::make_unique<AlignedBuffer>(pv_tensor_bytes(&model().outputs[i]), 64));
      out_pointers_.push_back(out_.back()->get());
    }
    check(pv_session_init(&session_, &model(), arena_.get(), model().arena_bytes), "session");
  }

  std::vector<py::array> run(const std::vector<py::array> &inputs) {
    if (inputs.size() != in_.size()) {
      throw Failure(PV_ERR_ARGUMENT, "inputs: expected " + std::to_string(in_.size()) +
                                         " arrays, got " + std::to_string(inputs.size()));
    }
    std::vector<const void *> sources;
    for (size_t i = 0; i < inputs.size(); i++) {
      const pv_tensor &tensor = model().inputs[i];
      require_array(inputs[i], type_of(tensor), shape_of(tensor),
                    std::string("input '") + tensor.name + "'");
      sources.push_back(inputs[i].data());
    }
    std::vector<py::array> results;
    std::vector<void *> destinations;
    for (size_t i = 0; i < out_.size(); i++) {
      const pv_tensor &tensor = model().outputs[i];
      results.emplace_back(type_of(tensor), shape_of(tensor));
      destinations.push_back(results.back().mutable_data());
    }
    {
      const Unlocked unlocked;
      const std::lock_guard<std::mutex> lock(mutex_);
      for (size_t i = 0; i < in_.size(); i++) {
        std::memcpy(in_[i]->get(), sources[i], pv_tensor_bytes(&model().inputs[i]));
      }
      check(pv_session_run(&session_, in_pointers_.data(), out_pointers_.data()), "run");
      for (size_t i = 0; i < out_.size(); i++) {
        std::memcpy(destinations[i], out_[i]->get(), pv_tensor_bytes(&model().outputs[i]));
      }
    }
    return results;
  }

 private:
  const pv_model &model() const { return library_->model(); }

  std::shared_ptr<Library> library_;
  AlignedBuffer arena_;
  std::vector<std::unique_ptr<AlignedBuffer>> in_, out_;
  std::vector<const void *> in_pointers_;
  std::vector<void *> out_pointers_;
  pv_session session_{};
  std::mutex mutex_;
};

// What the object at `self` holds as a tuple of Tensor, each of which keeps that object alive.
static py::tuple tensors(const py::object &self, const pv_tensor *first, uint32_t count) {
  py::tuple result(count);
  for (uint32_t i = 0; i < count; i++) {
    result[i] = py::cast(&first[i], py::return_value_policy::reference_internal, self);
  }
  return result;
}

static std::string describe(const py::object &tensor) {
  py::str text("Tensor(name={!r}, dtype={!r}, shape={!r}, scale={!r}, zero_point={!r})");
  return py::cast<std::string>(text.format(tensor.attr("name"), tensor.attr("dtype"),
                                           tensor.attr("shape"), tensor.attr("scale"),
                                           tensor.attr("zero_point")));
}

void register_model(py::module_ &module) {
  module.def(
      "host_targets",
      [] {
        py::list found;
        for (size_t i = 0; pv_host_target(i) != nullptr; i++) found.append(pv_host_target(i));
        return found;
      },
      "Names of the targets that this processor runs, best first.");

  py::class_<pv_tensor>(module, "Tensor", "Type, shape and scale of a model's input or output.")
      .def_property_readonly("name", [](const pv_tensor &t) { return decode(t.name); })
      .def_property_readonly("dtype",
                             [](const pv_tensor &t) {
                               static const char *const names[] = {"int8", "uint8", "float32"};
                               return names[t.dtype - PV_DTYPE_INT8];
                             })
      .def_property_readonly("shape",
                             [](const pv_tensor &t) -> py::tuple { return py::cast(shape_of(t)); })
      .def_readonly("scale", &pv_tensor::scale)
      .def_readonly("zero_point", &pv_tensor::zero_point)
      .def("__repr__", &describe);

  py::class_<Library, std::shared_ptr<Library>>(module, "Library", "An open compiled model.")
      .def(py::init<const std::string &>(), py::arg("path"))
      .def_property_readonly("target", [](const Library &l) { return decode(l.model().target); })
      .def_property_readonly("source_sha256",
                             [](const Library &l) { return decode(l.model().source_sha256); })
      .def_property_readonly("record", [](const Library &l) { return py::bytes(l.model().record); })
      .def_property_readonly("arena_bytes", [](const Library &l) { return l.model().arena_bytes; })
      .def_property_readonly("inputs",
                             [](const py::object &self) {
                               const pv_model &model = self.cast<const Library &>().model();
                               return tensors(self, model.inputs, model.input_count);
                             })
      .def_property_readonly("outputs", [](const py::object &self) {
        const pv_model &model = self.cast<const Library &>().model();
        return tensors(self, model.outputs, model.output_count);
      });

  py::class_<Session>(module, "Session", "One arena on a shared model.")
      .def(py::init<const py::object &>(), py::arg("library"))
      .def("run", &Session::run, py::arg("inputs"),
           "Run once: stored values of each input, in the model's order, to those of each output.");
}

}  // namespace pocketvision
