// Gradients of all ranks become one while the backward pass still runs.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace sslrun::dist {

class World;

/// Gradients travel in buckets of about so many bytes at most. source: PyTorch's
/// DistributedDataParallel, Li et al. 2020, arXiv:2006.15704, section 4.2.
inline constexpr std::int64_t kBucketBytes = 25 << 20;

/// Averages the gradients of parameters over the ranks. Parameters are packed into buckets in reverse
/// order, about the order in which a backward pass reaches them; a bucket sets off once its
/// gradients and all buckets before it are there, so on every rank in the same order, and travels
/// while the backward pass goes on. Towards the end buckets hold half of what is left, down to about
/// 1 MiB: nothing is left to hide the last one behind.
/// numerics  each rank's gradient is divided by the number of ranks and rounded to `type`, then summed
///           in it. Equal bit for bit on every rank and, with the same ranks, in every run.
/// errors    PeerError as World's.
class GradientReducer {
 public:
  struct Options {
    at::ScalarType type = at::kFloat;  // in which gradients travel: at least as narrow as theirs
    std::int64_t bucket_bytes = kBucketBytes;
  };

  /// parameters: leaves that require gradients, in the same order on every rank, moved and converted
  /// already. The world outlives the reducer.
  GradientReducer(std::vector<at::Tensor> parameters, World& world, const Options& options);
  ~GradientReducer();
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;

  /// The next backward pass is the last one of this step: what it completes sets off. Those before
  /// it only add up.
  void expect();

  /// After that pass: waits until .grad() of every parameter is the mean over the ranks, in the
  /// parameter's memory layout. A gradient that a rank does not have counts as 0. It stands in the
  /// buckets' memory: drop it (Optimizer::zero_grad) before the next pass.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sslrun::dist
