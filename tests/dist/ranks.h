// Ranks as threads of the test, over real process groups.
#pragma once
#include "dist/process_group.h"

#include <torch/csrc/distributed/c10d/HashStore.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace sslrun::test {

/// Runs `body` once per rank, all at the same time; rethrows what the first of them threw.
inline void run_ranks(std::int64_t size,
                      const std::function<void(dist::World&)>& body,
                      std::chrono::milliseconds timeout = std::chrono::seconds(60)) {
  // LibTorch's record of past collectives is one per process and not for several groups at once.
  ::setenv("TORCH_FR_BUFFER_SIZE", "0", /*overwrite=*/1);
  const auto store = c10::make_intrusive<c10d::HashStore>();
  std::vector<std::exception_ptr> thrown(static_cast<std::size_t>(size));
  std::vector<std::thread> threads;
  for (std::int64_t rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        body(*dist::gloo_world(store, {rank, size}, "127.0.0.1", timeout));
      } catch (...) {
        thrown[static_cast<std::size_t>(rank)] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& e : thrown)
    if (e) std::rethrow_exception(e);
}

}  // namespace sslrun::test
