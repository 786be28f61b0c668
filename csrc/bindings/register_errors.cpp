// Status codes as the exceptions of pocketvision.errors, and the checks that raise them.
#include "common.hpp"

namespace pocketvision {

void check(pv_status status, const std::string &where) {
  if (status != PV_OK) throw Failure(status, where + ": " + pv_status_message(status));
}

static std::string text_of(const py::ssize_t *shape, py::ssize_t axes) {
  std::string text = "(";
  for (py::ssize_t i = 0; i < axes; i++) {
    text += (i ? ", " : "") + (shape[i] == kAny ? "N" : std::to_string(shape[i]));
  }
  return text + (axes == 1 ? ",)" : ")");
}

void require_array(const py::array &array, const py::dtype &dtype,
                   const std::vector<py::ssize_t> &shape, const std::string &name) {
  const auto axes = static_cast<py::ssize_t>(shape.size());
  const int wanted = py::array::c_style | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
  bool fits = array.dtype().equal(dtype) && array.size() > 0 && array.ndim() == axes &&
              (array.flags() & wanted) == wanted;
  for (py::ssize_t axis = 0; fits && axis < axes; axis++) {
    fits = shape[axis] == kAny || array.shape(axis) == shape[axis];
  }
  if (fits) return;
  throw Failure(PV_ERR_ARGUMENT, name + ": expected a dense, aligned " +
                                     std::string(py::str(py::object(dtype))) + " array of shape " +
                                     text_of(shape.data(), axes) + ", got " +
                                     std::string(py::str(py::object(array.dtype()))) +
                                     " of shape " + text_of(array.shape(), array.ndim()));
}

static const char *class_name(pv_status status) {
  switch (status) {
    case PV_ERR_ARGUMENT:
    case PV_ERR_NOT_FINITE:
    case PV_ERR_DEGENERATE:
    case PV_ERR_ZERO_NORM:
      return "InputError";
    case PV_ERR_RUN:
    case PV_ERR_THREAD:
    case PV_ERR_STOPPED:
      return "RunError";
    default:
      return "ModelFileError";
  }
}

void register_errors(py::module_ &) {
  py::register_local_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const Failure &failure) {
      const py::object type =
          py::module_::import("pocketvision.errors").attr(class_name(failure.status()));
      py::set_error(type, failure.what());
    }
  });
}

}  // namespace pocketvision
