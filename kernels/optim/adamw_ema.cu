// One block owns kBlock elements of one tensor, a thread every kThreads-th of them; a launch has up to
// kTensors tensors, whose places lie in the kernel's arguments.
#include "kernels/bf16_core.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/optim/adamw_ema.h"

#include <algorithm>

namespace sslrun::kernels {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kBlock = 16 * kThreads;
constexpr int kTensors = 48;  // arguments hold 4 KB

struct Tensors {
  AdamWEmaArgs tensor[kTensors];
  std::int64_t first_block[kTensors];
  int count;
};

__global__ void __launch_bounds__(kThreads) adamw_ema_kernel(Tensors all, AdamWEmaStep step) {
  int t = 0;
  while (t + 1 < all.count && static_cast<std::int64_t>(blockIdx.x) >= all.first_block[t + 1]) ++t;
  const AdamWEmaArgs& a = all.tensor[t];
  const std::int64_t begin = (static_cast<std::int64_t>(blockIdx.x) - all.first_block[t]) * kBlock;
  const std::int64_t end = begin + kBlock < a.size ? begin + kBlock : a.size;
  for (std::int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
    float w = a.weight[i], m = a.exp_avg[i], v = a.exp_avg_sq[i];
    adamw_move(step, a.gradient[i], w, m, v);
    a.weight[i] = w;
    a.exp_avg[i] = m;
    a.exp_avg_sq[i] = v;
    if (a.follower) a.follower[i] = ema_follow(step, a.follower[i], w);
    if (a.half) a.half[i] = to_bf16(w);
  }
}

}  // namespace

void adamw_ema(std::span<const AdamWEmaArgs> tensors, const AdamWEmaStep& step, Cuda device) {
  for (std::size_t first = 0; first < tensors.size(); first += kTensors) {
    const auto part =
        tensors.subspan(first, std::min<std::size_t>(kTensors, tensors.size() - first));
    Tensors all{};
    std::int64_t blocks = 0;
    for (const AdamWEmaArgs& tensor : part) {
      all.tensor[all.count] = tensor;
      all.first_block[all.count++] = blocks;
      blocks += (tensor.size + kBlock - 1) / kBlock;
    }
    launch("adamw_ema", adamw_ema_kernel, blocks, kThreads, device, all, step);
  }
}

}  // namespace sslrun::kernels
