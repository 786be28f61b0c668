// What sessions, embedders and streams share: the open model file, and memory for arenas.
#pragma once

#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "common.hpp"
#include "pocketvision/loader.h"

namespace pocketvision {

class Library {
 public:
  // Throws Failure with what was found and what to do about it.
  explicit Library(const std::string &path);
  Library(const Library &) = delete;
  Library &operator=(const Library &) = delete;
  ~Library() { pv_library_close(&library_); }

  const pv_model &model() const { return *library_.model; }

  // The open library in `object`; throws Failure that names the argument `library` for all else.
  static std::shared_ptr<Library> of(const py::object &object);

 private:
  pv_library library_{};
};

// Memory aligned for any vector load, also where a model asks for less.
class AlignedBuffer {
 public:
  AlignedBuffer(size_t bytes, size_t alignment) {
    if (alignment < 64) alignment = 64;
    const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    data_ = std::aligned_alloc(alignment, rounded > 0 ? rounded : alignment);
    if (data_ == nullptr) throw std::bad_alloc();
  }
  AlignedBuffer(const AlignedBuffer &) = delete;
  AlignedBuffer &operator=(const AlignedBuffer &) = delete;
  ~AlignedBuffer() { std::free(data_); }
  void *get() const { return data_; }

 private:
  void *data_;
};

// What numpy calls the type and the shape of a tensor.
inline py::dtype type_of(const pv_tensor &tensor) {
  if (tensor.dtype == PV_DTYPE_FLOAT32) return py::dtype::of<float>();
  return tensor.dtype == PV_DTYPE_INT8 ? py::dtype::of<int8_t>() : py::dtype::of<uint8_t>();
}

inline std::vector<py::ssize_t> shape_of(const pv_tensor &tensor) {
  return {tensor.shape, tensor.shape + tensor.rank};
}

}  // namespace pocketvision
