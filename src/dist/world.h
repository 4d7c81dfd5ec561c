// The processes that train together.  N = rows of one rank.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>

namespace at {
class Tensor;
}

namespace sslrun::dist {

/// A group of ranks that take every step together. All ranks call the same member functions in the
/// same order.
/// errors    PeerError where another rank is gone: which, and where it was last.
class World {
 public:
  virtual ~World() = default;

  /// 0 .. size() - 1.
  virtual std::int64_t rank() const = 0;
  virtual std::int64_t size() const = 0;

  /// The rows of every rank in rank order.
  /// shapes    rows [N, ...], the same on every rank; answer [size * N, ...]; same dtype and
  ///           device.
  /// gradient  each rank receives the sum over the ranks of the gradient of its own rows
  ///           (reduce-scatter).
  virtual at::Tensor all_gather(const at::Tensor& rows) = 0;

  /// The sum over the ranks, equal bit for bit on each.
  /// shapes    any, the same on every rank.
  /// gradient  the sum over the ranks of the gradients.
  virtual at::Tensor all_reduce_sum(const at::Tensor& value) = 0;

  /// Begins to replace `value` by the sum over the ranks, in place and equal bit for bit on each; the
  /// answer waits for that. Nothing touches value in between. Several may be under way.
  /// shapes    any, dense, the same on every rank. No gradient.
  virtual std::function<void()> start_sum(const at::Tensor& value) = 0;

  /// Returns when every rank has called it.
  virtual void barrier() = 0;

  /// Tells the others, should they come to miss this rank, at which step it is and what it does there:
  /// `phase`, a literal.
  virtual void report(std::int64_t step, const char* phase) {
    static_cast<void>(step);
    static_cast<void>(phase);
  }
};

/// The world of one process: rank 0 of 1, and every collective is the identity (the same tensor,
/// gradient included).
std::shared_ptr<World> single_world();

}  // namespace sslrun::dist
