#include "kernels/optim/adamw_ema.h"

#include "base/thread_pool.h"
#include "kernels/bf16_core.h"
#include "kernels/simd.h"

#include <algorithm>
#include <vector>

namespace sslrun::kernels {
namespace {

constexpr std::int64_t kPiece = 1024;     // five arrays of it, 20 KB, stay in the first-level cache
constexpr std::int64_t kBlock = 1 << 15;  // what a thread takes at once

SSLRUN_CLONES void move(const AdamWEmaStep& step,
                        std::int64_t n,
                        const float* __restrict g,
                        float* __restrict w,
                        float* __restrict m,
                        float* __restrict v) {
  const AdamWEmaStep s = step;
  for (std::int64_t i = 0; i < n; ++i) adamw_move(s, g[i], w[i], m[i], v[i]);
}

SSLRUN_CLONES void follow(const AdamWEmaStep& step,
                          std::int64_t n,
                          const float* __restrict w,
                          float* __restrict follower) {
  const AdamWEmaStep s = step;
  for (std::int64_t i = 0; i < n; ++i) follower[i] = ema_follow(s, follower[i], w[i]);
}

SSLRUN_CLONES void halve(std::int64_t n,
                         const float* __restrict w,
                         std::uint16_t* __restrict half) {
  for (std::int64_t i = 0; i < n; ++i) half[i] = to_bf16(w[i]);
}

void sweep(const AdamWEmaArgs& a, const AdamWEmaStep& step, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; i += kPiece) {
    const std::int64_t n = std::min(kPiece, end - i);
    move(step, n, a.gradient + i, a.weight + i, a.exp_avg + i, a.exp_avg_sq + i);
    if (a.follower) follow(step, n, a.weight + i, a.follower + i);
    if (a.half) halve(n, a.weight + i, a.half + i);
  }
}

}  // namespace

void adamw_ema(std::span<const AdamWEmaArgs> tensors, const AdamWEmaStep& step, Cpu) {
  struct Block {
    const AdamWEmaArgs* tensor;
    std::int64_t begin;
  };

  std::vector<Block> blocks;
  for (const AdamWEmaArgs& tensor : tensors) {
    for (std::int64_t begin = 0; begin < tensor.size; begin += kBlock)
      blocks.push_back({&tensor, begin});
  }
  parallel_for(static_cast<std::int64_t>(blocks.size()),
               [&](std::int64_t first, std::int64_t last) {
                 for (std::int64_t b = first; b < last; ++b) {
                   const auto& [tensor, begin] = blocks[static_cast<std::size_t>(b)];
                   sweep(*tensor, step, begin, std::min(tensor->size, begin + kBlock));
                 }
               });
}

}  // namespace sslrun::kernels
