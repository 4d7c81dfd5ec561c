// Host memory that a GPU reads from, and when it may be written again.
#pragma once
#include <c10/core/Device.h>
#include <c10/core/Event.h>

#include <memory_resource>
#include <optional>

namespace sslrun::ops {

/// Where batches for `device` lie: page-locked memory where it is a GPU, so that copies of them run
/// beside the host's work; ordinary memory otherwise. Lives as long as the program.
/// errors    allocating page-locked memory: MemoryError with what to change.
std::pmr::memory_resource* batch_memory(c10::Device device);

/// The end of the copies from host memory that a device's current stream was given.
class CopyFence {
 public:
  explicit CopyFence(c10::Device device);

  /// The copies asked for up to now are those to wait for. On a CPU nothing is copied.
  void record();
  /// Returns when they are done: their host memory may change. At once where there are none.
  void wait();

 private:
  c10::Device device_;
  std::optional<c10::Event> end_;
};

}  // namespace sslrun::ops
