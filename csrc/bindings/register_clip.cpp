// Streams of frames through an encoder and a decoder: ClipModels (arenas) and ClipStream (a
// window).
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common.hpp"
#include "library.hpp"
#include "pocketvision/clip.h"
#include "unlocked.hpp"

namespace pocketvision {

// Two open models, each with an arena, which streams take turns in.
class ClipModels {
 public:
  ClipModels(const py::object &encoder, const py::object &decoder)
      : encoder_(Library::of(encoder)), decoder_(Library::of(decoder)) {
    if (pv_clip_window_bytes(&first(), &second()) == 0) {
      throw Failure(PV_ERR_TENSOR,
                    "decoder: expected one input of 8 bits that holds a whole number of the "
                    "encoder's only output, also of 8 bits; these two are of different networks");
    }
    arenas_[0] = bind(first(), &sessions_[0]);
    arenas_[1] = bind(second(), &sessions_[1]);
  }

  const pv_model &first() const { return encoder_->model(); }
  const pv_model &second() const { return decoder_->model(); }

  pv_status push(pv_clip *clip, const void *frame, void *scores, int *full) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return pv_clip_push(clip, &sessions_[0], &sessions_[1], frame, scores, full);
  }

 private:
  static std::unique_ptr<AlignedBuffer> bind(const pv_model &model, pv_session *session) {
    auto arena = std::make_unique<AlignedBuffer>(model.arena_bytes, model.arena_alignment);
    check(pv_session_init(session, &model, arena->get(), model.arena_bytes), "session");
    return arena;
  }

  std::shared_ptr<Library> encoder_, decoder_;
  std::unique_ptr<AlignedBuffer> arenas_[2];
  pv_session sessions_[2]{};
  std::mutex mutex_;
};

class ClipStream {
 public:
  explicit ClipStream(std::shared_ptr<ClipModels> models) : models_(std::move(models)) {
    const pv_model &encoder = models_->first(), &decoder = models_->second();
    window_.resize(pv_clip_window_bytes(&encoder, &decoder));
    check(pv_clip_init(&clip_, &encoder, &decoder, window_.data()), "stream");
  }

  py::object push(const py::array &frame) {
    const pv_tensor &input = models_->first().inputs[0];
    require_array(frame, type_of(input), shape_of(input), "frame");
    const pv_tensor &output = models_->second().outputs[0];
    py::array scores(type_of(output), shape_of(output));
    void *place = scores.mutable_data();
    const void *given = frame.data();
    int full = 0;
    pv_status status;
    {
      const Unlocked unlocked;
      const std::lock_guard<std::mutex> lock(mutex_);
      status = models_->push(&clip_, given, place, &full);
    }
    check(status, "push");
    return full ? py::object(std::move(scores)) : py::none();
  }

  void reset() {
    const std::lock_guard<std::mutex> lock(mutex_);
    pv_clip_reset(&clip_);
  }

  // The vectors that are there, oldest first.
  py::bytes save() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return py::bytes(reinterpret_cast<const char *>(window_.data()),
                     size_t{clip_.filled} * clip_.width);
  }

  void load(const std::string &state) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (state.size() % clip_.width != 0 || state.size() / clip_.width > clip_.steps) {
      throw Failure(PV_ERR_ARGUMENT, "state: expected up to " + std::to_string(clip_.steps) +
                                         " vectors of " + std::to_string(clip_.width) +
                                         " bytes, got " + std::to_string(state.size()) + " bytes");
    }
    std::memcpy(window_.data(), state.data(), state.size());
    clip_.filled = static_cast<uint32_t>(state.size() / clip_.width);
  }

  uint32_t steps() const { return clip_.steps; }
  uint32_t filled() const { return clip_.filled; }
  size_t state_bytes() const { return window_.size() + sizeof clip_; }

 private:
  std::shared_ptr<ClipModels> models_;
  std::vector<uint8_t> window_;
  pv_clip clip_{};
  std::mutex mutex_;
};

void register_clip(py::module_ &module) {
  py::class_<ClipModels, std::shared_ptr<ClipModels>>(module, "ClipModels",
                                                      "An encoder and a decoder of clips.")
      .def(py::init<const py::object &, const py::object &>(), py::arg("encoder"),
           py::arg("decoder"));
  py::class_<ClipStream>(module, "ClipStream", "The last frames of one stream, encoded.")
      .def(py::init([](const py::object &models) {
             return std::make_unique<ClipStream>(models.cast<std::shared_ptr<ClipModels>>());
           }),
           py::arg("models"))
      .def("push", &ClipStream::push, py::arg("frame"),
           "Encode a frame; the decoder's stored scores, or None until the window is full.")
      .def("reset", &ClipStream::reset, "Forget all frames.")
      .def("save", &ClipStream::save, "The encoded frames, oldest first.")
      .def("load", &ClipStream::load, py::arg("state"), "Take what save gave.")
      .def_property_readonly("steps", &ClipStream::steps)
      .def_property_readonly("filled", &ClipStream::filled)
      .def_property_readonly("state_bytes", &ClipStream::state_bytes);
}

}  // namespace pocketvision
