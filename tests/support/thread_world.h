// Several ranks in one process, a thread each: what a method computes with more than one.
#pragma once
#include "dist/world.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>

#include <barrier>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace sslrun::test {

/// Calls body(world) on `ranks` threads, each with its own rank, and returns when all have ended.
/// Collectives pass values on without a graph.
inline void on_ranks(std::int64_t ranks, const std::function<void(dist::World&)>& body) {
  struct Shared {
    explicit Shared(std::int64_t n) : barrier(n), values(static_cast<std::size_t>(n)) {}

    std::barrier<> barrier;
    std::vector<at::Tensor> values;
  };

  class Rank final : public dist::World {
   public:
    Rank(Shared& shared, std::int64_t rank) : shared_(shared), rank_(rank) {}

    std::int64_t rank() const override { return rank_; }

    std::int64_t size() const override { return static_cast<std::int64_t>(shared_.values.size()); }

    at::Tensor all_gather(const at::Tensor& rows) override {
      return exchange(rows, [](const std::vector<at::Tensor>& all) { return at::cat(all); });
    }

    at::Tensor all_reduce_sum(const at::Tensor& value) override {
      return exchange(value, [](const std::vector<at::Tensor>& all) {
        at::Tensor sum = all.front().clone();
        for (std::size_t i = 1; i < all.size(); ++i) sum.add_(all[i]);
        return sum;
      });
    }

    void barrier() override { shared_.barrier.arrive_and_wait(); }

   private:
    at::Tensor exchange(const at::Tensor& own,
                        const std::function<at::Tensor(const std::vector<at::Tensor>&)>& join) {
      const at::NoGradGuard no_grad;
      shared_.values[static_cast<std::size_t>(rank_)] = own.detach();
      barrier();
      const at::Tensor out = join(shared_.values);
      barrier();
      return out;
    }

    Shared& shared_;
    std::int64_t rank_;
  };

  Shared shared(ranks);
  std::vector<std::jthread> threads;
  for (std::int64_t r = 0; r < ranks; ++r) {
    threads.emplace_back([&shared, &body, r] {
      Rank rank(shared, r);
      body(rank);
    });
  }
}

}  // namespace sslrun::test
