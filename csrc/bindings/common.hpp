// What the binding files share: failures that become Python exceptions, and checks of arrays.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <exception>
#include <initializer_list>
#include <string>
#include <utility>

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

// Throws Failure(PV_ERR_ARGUMENT) unless `array` is dense, not empty and has this type and shape.
void require_array(const py::array &array, const py::dtype &dtype,
                   std::initializer_list<py::ssize_t> shape, const std::string &name);

void register_errors(py::module_ &module);
void register_model(py::module_ &module);
void register_preprocess(py::module_ &module);
void register_compare(py::module_ &module);
void register_embed(py::module_ &module);

}  // namespace pocketvision
