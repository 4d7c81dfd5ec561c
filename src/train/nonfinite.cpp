#include "train/nonfinite.h"

#include <fmt/format.h>

namespace sslrun::train {
namespace {

constexpr std::int64_t kMostInARow = 10;
constexpr std::size_t kTold = 5;

}  // namespace

std::string after_nonfinite(std::string_view policy,
                            const std::set<std::int64_t>& left_out,
                            const NonfiniteStep& s) {
  const std::string what = fmt::format(
      "the loss and its gradient must be finite, and at step {} the loss is {} and the gradient's "
      "norm {} (lr {:.4g}, {}); the batch's images are listed in '{}'; the step was not applied",
      s.step,
      s.loss,
      s.grad_norm,
      s.lr,
      s.precision,
      s.samples);
  if (policy == "rollback") throw NonfiniteError(s.step, what);
  if (policy == "stop") {
    throw NumericsError(
        fmt::format("{} and the last checkpoint stands; {}, or go on from there with "
                    "train.on_nonfinite: skip or rollback",
                    what,
                    kNonfiniteAdvice));
  }
  std::int64_t in_a_row = 1;
  while (left_out.contains(s.step - in_a_row)) ++in_a_row;
  if (in_a_row >= kMostInARow) {
    throw NumericsError(fmt::format("{}, as {} before it, and the last checkpoint stands; {}",
                                    what,
                                    in_a_row - 1,
                                    kNonfiniteAdvice));
  }
  if (left_out.size() > kTold) return "";
  return fmt::format("{} (train.on_nonfinite: skip){}",
                     what,
                     left_out.size() == kTold ? "; further ones are only counted" : "");
}

}  // namespace sslrun::train
