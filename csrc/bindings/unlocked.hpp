// A scope without the interpreter lock, for work that other Python threads need not wait for.
#pragma once

#include <cxxabi.h>
#include <unistd.h>

#include <ctime>

#include "common.hpp"

namespace pocketvision {

class Unlocked {
 public:
  Unlocked() : state_(PyEval_SaveThread()), next_look_(now() + kInterval) {}
  Unlocked(const Unlocked &) = delete;
  Unlocked &operator=(const Unlocked &) = delete;
  ~Unlocked() { lock(); }

  // Python handles signals on this thread only.
  static bool on_main_thread() { return gettid() == getpid(); }

  // Takes the lock back for a moment, not at every call, so that Python sees signals: without that
  // a keyboard interrupt would wait for the end of the scope. False when a handler has raised; then
  // the Python error is set.
  bool look_for_signals() {
    if (now() < next_look_) return true;
    lock();
    const bool quiet = PyErr_CheckSignals() == 0;
    state_ = PyEval_SaveThread();
    next_look_ = now() + kInterval;
    return quiet;
  }

 private:
  // Nanoseconds. While another thread is busy in Python, each look can cost 5 ms of waiting.
  static constexpr int64_t kInterval = 10'000'000;
  static int64_t now() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  }

  // Before 3.14 Python ends a daemon thread here, once the interpreter is gone, by unwinding its
  // stack, which a destructor must not let pass. Such a thread waits for the end of the process.
  void lock() noexcept {
    try {
      PyEval_RestoreThread(state_);
    } catch (const abi::__forced_unwind &) {
      for (;;) pause();
    }
  }

  PyThreadState *state_;
  int64_t next_look_;
};

}  // namespace pocketvision
