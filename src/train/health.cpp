#include "train/health.h"

#include <fmt/format.h>

#include <cmath>

namespace sslrun::train {
namespace {

constexpr double kCollapsedShare = 0.1;      // of the healthy standard deviation
constexpr std::int64_t kPatienceSteps = 20;  // one bad batch is no collapse
constexpr double kStarvingShare = 0.1;

}  // namespace

std::optional<std::string> CollapseWatch::observe(std::int64_t step,
                                                  double embedding_std,
                                                  std::int64_t dim) {
  const double healthy = 1 / std::sqrt(static_cast<double>(dim));
  low_steps_ = embedding_std < kCollapsedShare * healthy ? low_steps_ + 1 : 0;
  if (low_steps_ < kPatienceSteps || told_) return std::nullopt;
  told_ = true;
  return fmt::format(
      "the embeddings have collapsed: at step {} their standard deviation has been below {:.0f} % "
      "of a healthy one "
      "for {} steps ({:.2g}; healthy is {:.2g}), so all images look alike to the loss; lower "
      "optimizer.lr, lengthen "
      "schedule.warmup_epochs, or raise the temperature",
      step,
      100 * kCollapsedShare,
      kPatienceSteps,
      embedding_std,
      healthy);
}

std::optional<std::string> starving_verdict(double data_wait, std::int64_t workers) {
  if (data_wait < kStarvingShare) return std::nullopt;
  return fmt::format(
      "the network waits for images {:.0f} % of the time with {} decode threads; raise "
      "train.workers if processors are "
      "free, store smaller images, or put the data on a faster disk",
      100 * data_wait,
      workers);
}

}  // namespace sslrun::train
