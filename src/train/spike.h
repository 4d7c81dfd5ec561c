// Notices a loss or a gradient that leaps away from what it has been.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace sslrun::train {

/// Judges each step by the last hundred: how many robust standard deviations (1.4826 times the median
/// deviation from the median, at least a hundredth of the median) its loss, or the logarithm of its
/// gradient's norm, lies above their median. One step is chance; four in a row are a spike.
class SpikeWatch {
 public:
  /// What to tell the user after this step: the figures and what to change; nothing as a rule, and
  /// not again before a hundred steps without a spike.
  std::optional<std::string> observe(std::int64_t step, double loss, double grad_norm);

 private:
  struct Series {
    /// How far `value` lies above the window, which it then joins; 0 while the window is short.
    double leap(double value);

    double median() const { return median_; }

    std::deque<double> window_;
    double median_ = 0;
  };

  Series loss_, log_norm_;
  std::int64_t in_a_row_ = 0, quiet_ = 0;
  bool told_ = false;
};

}  // namespace sslrun::train
