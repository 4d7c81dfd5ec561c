#include "train/spike.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace sslrun::train {
namespace {

constexpr std::size_t kWindow = 100, kFewest = 50;
constexpr double kLeap = 10;  // robust standard deviations; the start of training stays below
constexpr std::int64_t kInARow = 4, kQuiet = 100;
constexpr double kNormal = 1.4826;  // of a normal distribution: deviation / median deviation

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

double SpikeWatch::Series::leap(double value) {
  double out = 0;
  if (window_.size() >= kFewest) {
    median_ = median_of({window_.begin(), window_.end()});
    std::vector<double> away;
    for (const double x : window_) away.push_back(std::abs(x - median_));
    const double deviation = std::max(kNormal * median_of(away), 0.01 * std::abs(median_));
    out = (value - median_) / std::max(deviation, 1e-12);
  }
  window_.push_back(value);
  if (window_.size() > kWindow) window_.pop_front();
  return out;
}

std::optional<std::string> SpikeWatch::observe(std::int64_t step, double loss, double grad_norm) {
  if (grad_norm == 0) return std::nullopt;  // nothing is learnt yet: DeepCluster-v2's first epoch
  const double of_loss = loss_.leap(loss);
  const double of_norm = log_norm_.leap(std::log(grad_norm));
  const bool leaps = of_loss > kLeap || of_norm > kLeap;
  in_a_row_ = leaps ? in_a_row_ + 1 : 0;
  quiet_ = leaps ? 0 : quiet_ + 1;
  if (quiet_ >= kQuiet) told_ = false;
  if (told_ || in_a_row_ < kInARow) return std::nullopt;
  told_ = true;
  return fmt::format(
      "the {} leaps: at step {}, for {} steps, the loss is {:.4g} where {:.4g} was usual and the "
      "gradient's norm {:.4g} where {:.4g} was usual ({:.0f} and {:.0f} robust deviations above); "
      "if it does not come back, go on from a checkpoint before it with a lower optimizer.lr or "
      "with optimizer.clip in another folder",
      of_loss > kLeap ? "loss" : "gradient",
      step,
      in_a_row_,
      loss,
      loss_.median(),
      grad_norm,
      std::exp(log_norm_.median()),
      of_loss,
      of_norm);
}

}  // namespace sslrun::train
