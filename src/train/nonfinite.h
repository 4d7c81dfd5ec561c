// What becomes of a step whose loss or gradient is not finite.
#pragma once
#include "base/error.h"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace sslrun::train {

/// A step that was not applied.
struct NonfiniteStep {
  std::int64_t step = 0;  // counted from 1
  double loss = 0, grad_norm = 0, lr = 0;
  std::string_view precision = {};
  std::string samples = {};  // the file that lists its samples
};

/// The run is to go back to a checkpoint.
class NonfiniteError final : public NumericsError {
 public:
  NonfiniteError(std::int64_t step, const std::string& what) : NumericsError(what), step_(step) {}

  /// The step that is to blame, counted from 1.
  std::int64_t step() const { return step_; }

 private:
  std::int64_t step_;
};

/// What to change, where a run cannot be got past such a step.
inline constexpr std::string_view kNonfiniteAdvice =
    "lower optimizer.lr or try train.precision: fp32 in another folder";

/// What to tell before going on with the next batch, in words; empty: it has been told often enough.
/// policy: of train.on_nonfinite; left_out: steps whose batches train nothing, this one among them.
/// errors    NonfiniteError where the policy is to go back to a checkpoint; NumericsError where it is to
///           stop, or ten steps in a row were left out.
std::string after_nonfinite(std::string_view policy,
                            const std::set<std::int64_t>& left_out,
                            const NonfiniteStep& step);

}  // namespace sslrun::train
