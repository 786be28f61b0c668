// Qualities of faces as elements of a numpy array.
#pragma once

#include "common.hpp"
#include "pocketvision/quality.h"

namespace pocketvision {

// The memory of `array`, `count` qualities that can be written; null for None.
pv_quality *qualities_of(const py::object &array, py::ssize_t count);

}  // namespace pocketvision
