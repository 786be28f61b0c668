// What the binding files share: failures that become Python exceptions, and checks of arrays.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "pocketvision/model.h"
#include "pocketvision/preprocess.h"
#include "pocketvision/status.h"

namespace pocketvision {

namespace py = pybind11;

// A status that is not PV_OK, with the text that the user reads.
class Failure : public std::exception {
 public:
  Failure(pv_status status, std::string text) : status_(status), text_(std::move(text)) {}
  pv_status status() const noexcept { return status_; }
  const char *what() const noexcept override { return text_.c_str(); }

 private:
  pv_status status_;
  std::string text_;
};

// Throws Failure "<where>: <message of the status>" unless the status is PV_OK.
void check(pv_status status, const std::string &where);

// Any size: the place of this axis in an expected shape.
constexpr py::ssize_t kAny = -1;

// Throws Failure(PV_ERR_ARGUMENT) unless `array` is dense, aligned, not empty and has this type, in
// this machine's byte order, and shape.
void require_array(const py::array &array, const py::dtype &dtype,
                   const std::vector<py::ssize_t> &shape, const std::string &name);

void register_errors(py::module_ &module);
void register_model(py::module_ &module);
void register_preprocess(py::module_ &module);
void register_compare(py::module_ &module);
void register_detect(py::module_ &module);
void register_embed(py::module_ &module);
void register_quality(py::module_ &module);
void register_search(py::module_ &module);
void register_clip(py::module_ &module);

class ClipModels;
class ClipStream;
class Library;
class Session;
class Workers;

}  // namespace pocketvision

// Class.__new__(Class) makes an object without content, and pybind11 would hand on memory that
// nobody has written. Every class that we give to Python has a line here, which refuses those.
namespace pybind11::detail {

template <typename T>
class initialised_caster : public type_caster_base<T> {
 public:
  bool load(handle source, bool convert) {
    return this->template load_impl<initialised_caster<T>>(source, convert);
  }

 private:
  friend class type_caster_generic;

  void load_value(value_and_holder &&place) {
    if (place.value_ptr() == nullptr) {
      throw pocketvision::Failure(
          PV_ERR_ARGUMENT, std::string(this->typeinfo->type->tp_name) +
                               ": expected an object whose __init__ has run, got an empty one");
    }
    type_caster_base<T>::load_value(std::move(place));
  }
};

template <>
struct type_caster<pocketvision::ClipModels> : initialised_caster<pocketvision::ClipModels> {};
template <>
struct type_caster<pocketvision::ClipStream> : initialised_caster<pocketvision::ClipStream> {};
template <>
struct type_caster<pocketvision::Library> : initialised_caster<pocketvision::Library> {};
template <>
struct type_caster<pocketvision::Session> : initialised_caster<pocketvision::Session> {};
template <>
struct type_caster<pocketvision::Workers> : initialised_caster<pocketvision::Workers> {};
template <>
struct type_caster<pv_tensor> : initialised_caster<pv_tensor> {};
template <>
struct type_caster<pv_pixel_tables> : initialised_caster<pv_pixel_tables> {};

}  // namespace pybind11::detail
