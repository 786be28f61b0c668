// Workers: one or more threads that turn faces into embeddings with one model.
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "common.hpp"
#include "library.hpp"
#include "pocketvision/embed.h"
#include "pocketvision/pool.h"
#include "quality.hpp"
#include "unlocked.hpp"

namespace pocketvision {

static std::string place(pv_status status, const pv_faces &faces, size_t index) {
  const std::string face = "face " + std::to_string(index);
  if (status == PV_ERR_ZERO_NORM) return face + " gives an embedding without length";
  const bool geometry = status == PV_ERR_NOT_FINITE || status == PV_ERR_DEGENERATE;
  return faces.landmarks != nullptr && geometry ? "landmarks of " + face : face;
}

class Workers {
 public:
  Workers(const py::object &library, size_t threads)
      : library_(Library::of(library)),
        bytes_(pv_embedder_bytes(&model())),
        memory_(checked(threads) * bytes_, pv_embedder_alignment(&model())),
        embedders_(threads) {
    for (size_t i = 0; i < threads; i++) {
      void *own = static_cast<char *>(memory_.get()) + i * bytes_;
      check(pv_embedder_init(&embedders_[i], &model(), own, bytes_), "workers");
    }
    check(pv_pool_init(&pool_, threads), "threads=" + std::to_string(threads));
  }
  Workers(const Workers &) = delete;
  Workers &operator=(const Workers &) = delete;
  ~Workers() { pv_pool_close(&pool_); }

  py::array_t<float> embed(const py::array &crops, const pv_pixel_tables &tables, size_t first,
                           const py::object &qualities, const py::object &place,
                           uint32_t smallest) {
    const pv_tensor &input = model().inputs[0];
    require_array(crops, py::dtype::of<uint8_t>(), {kAny, input.shape[0], input.shape[1], 3},
                  "crops");
    pv_faces faces{};
    faces.tables = &tables;
    faces.crops = static_cast<const uint8_t *>(crops.data());
    faces.qualities = qualities_of(qualities, crops.shape(0));
    faces.smallest = smallest;
    if (!place.is_none()) {
      const auto [landmarks, sides, reference] =
          place.cast<std::tuple<py::array, py::array, py::array>>();
      require_array(landmarks, py::dtype::of<double>(), {crops.shape(0), 5, 2}, "landmarks");
      require_array(sides, py::dtype::of<uint32_t>(), {crops.shape(0), 2}, "sides");
      require_array(reference, py::dtype::of<double>(), {5, 2}, "template");
      faces.landmarks = static_cast<const double *>(landmarks.data());
      faces.sides = static_cast<const uint32_t *>(sides.data());
      faces.reference = static_cast<const double *>(reference.data());
    }
    return run(faces, static_cast<size_t>(crops.shape(0)), first);
  }

  py::array_t<float> embed_picture(const py::array &picture, const py::array &landmarks,
                                   const py::array &reference, const pv_pixel_tables &tables,
                                   size_t first, const py::object &qualities, uint32_t smallest) {
    require_array(picture, py::dtype::of<uint8_t>(), {kAny, kAny, 3}, "picture");
    require_array(landmarks, py::dtype::of<double>(), {kAny, 5, 2}, "landmarks");
    require_array(reference, py::dtype::of<double>(), {5, 2}, "template");
    pv_faces faces{};
    faces.tables = &tables;
    faces.picture = {static_cast<const uint8_t *>(picture.data()),
                     static_cast<size_t>(picture.shape(0)), static_cast<size_t>(picture.shape(1))};
    faces.landmarks = static_cast<const double *>(landmarks.data());
    faces.reference = static_cast<const double *>(reference.data());
    faces.qualities = qualities_of(qualities, landmarks.shape(0));
    faces.smallest = smallest;
    return run(faces, static_cast<size_t>(landmarks.shape(0)), first);
  }

 private:
  const pv_model &model() const { return library_->model(); }

  static size_t checked(size_t threads) {
    if (threads >= 1 && threads <= PV_MAX_THREADS) return threads;
    throw Failure(PV_ERR_ARGUMENT, "threads: expected 1 to " + std::to_string(PV_MAX_THREADS) +
                                       ", got " + std::to_string(threads));
  }

  py::array_t<float> run(pv_faces &faces, size_t count, size_t first) {
    py::array_t<float> result({count, pv_tensor_bytes(&model().outputs[0])});
    faces.embedders = embedders_.data();
    faces.embeddings = result.mutable_data();
    size_t failed = 0;
    pv_status status;
    {
      Unlocked unlocked;
      const std::lock_guard<std::mutex> lock(mutex_);
      pv_batch batch{};
      batch.count = count;
      batch.work = &pv_embed_face;
      batch.work_context = &faces;
      batch.go_on_context = &unlocked;
      if (Unlocked::on_main_thread()) {
        batch.go_on = [](void *scope) -> int {
          return static_cast<Unlocked *>(scope)->look_for_signals();
        };
      }
      status = pv_pool_run(&pool_, &batch, &failed);
    }
    if (status == PV_ERR_STOPPED) throw py::error_already_set();
    if (status == PV_ERR_THREAD) check(status, "threads=" + std::to_string(embedders_.size()));
    check(status, place(status, faces, first + failed));
    return result;
  }

  std::shared_ptr<Library> library_;
  size_t bytes_;
  AlignedBuffer memory_;
  std::vector<pv_embedder> embedders_;
  pv_pool pool_{};
  std::mutex mutex_;
};

void register_embed(py::module_ &module) {
  module.attr("MAX_THREADS") = PV_MAX_THREADS;
  py::class_<Workers>(module, "Workers", "Threads on a shared model, one arena each.")
      .def(py::init<const py::object &, size_t>(), py::arg("library"), py::arg("threads"))
      .def("embed", &Workers::embed, py::arg("crops"), py::arg("tables"), py::arg("first"),
           py::arg("qualities") = py::none(), py::arg("place") = py::none(),
           py::arg("smallest") = 0,
           "Uint8 crops (N, H, W, 3) to unit-norm float32 (N, D). Errors count faces from `first`. "
           "`qualities`, of QUALITY and (N,), is filled where it is given; `place`, for it alone: "
           "landmarks (N, 5, 2), height and width of their pictures (N, 2), and the template; "
           "`smallest` likewise: pixels of the smallest face that the model is for, 0 as usual.")
      .def("embed_picture", &Workers::embed_picture, py::arg("picture"), py::arg("landmarks"),
           py::arg("template"), py::arg("tables"), py::arg("first"),
           py::arg("qualities") = py::none(), py::arg("smallest") = 0,
           "Faces of one picture, at landmarks (N, 5, 2), to unit-norm float32 (N, D).");
}

}  // namespace pocketvision
