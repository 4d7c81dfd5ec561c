#include "ops/host_memory.h"

#include "base/error.h"

#include <c10/core/impl/VirtualGuardImpl.h>

#include <fmt/format.h>

#if SSLRUN_WITH_CUDA
#include <cuda_runtime_api.h>
#endif

#include <cstddef>

namespace sslrun::ops {

#if SSLRUN_WITH_CUDA
namespace {

class PageLocked final : public std::pmr::memory_resource {
  void* do_allocate(std::size_t bytes, std::size_t) override {  // aligned to a page
    void* memory = nullptr;
    const cudaError_t status = cudaHostAlloc(&memory, bytes, cudaHostAllocPortable);
    if (status == cudaSuccess) return memory;
    throw MemoryError(
        fmt::format("{:.0f} MB of page-locked memory must be free for the views of a batch: {}; "
                    "lower train.batch_size",
                    static_cast<double>(bytes) / 1e6,
                    cudaGetErrorString(status)));
  }

  void do_deallocate(void* memory, std::size_t, std::size_t) override { cudaFreeHost(memory); }

  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return this == &other;
  }
};

}  // namespace
#endif

std::pmr::memory_resource* batch_memory([[maybe_unused]] c10::Device device) {
#if SSLRUN_WITH_CUDA
  static PageLocked page_locked;
  if (device.is_cuda()) return &page_locked;
#endif
  return std::pmr::new_delete_resource();
}

CopyFence::CopyFence(c10::Device device) : device_(device) {
  if (!device.is_cpu()) end_.emplace(device.type());
}

void CopyFence::record() {
  if (end_) end_->record(c10::impl::VirtualGuardImpl(device_.type()).getStream(device_));
}

void CopyFence::wait() {
  if (end_ && end_->was_marked_for_recording()) end_->synchronize();
}

}  // namespace sslrun::ops
