// The extension pocketvision._runtime: one line per area.
#include "common.hpp"

PYBIND11_MODULE(_runtime, module, pybind11::mod_gil_not_used()) {
  module.doc() = "Loads and runs compiled models; aligns, prepares and compares faces.";
  pocketvision::register_errors(module);
  pocketvision::register_model(module);
  pocketvision::register_preprocess(module);
  pocketvision::register_compare(module);
  pocketvision::register_detect(module);
  pocketvision::register_embed(module);
  pocketvision::register_quality(module);
  pocketvision::register_search(module);
  pocketvision::register_clip(module);
}
