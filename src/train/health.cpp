#include "train/health.h"

#include "image/bad_image.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace sslrun::train {
namespace {

constexpr double kCollapsedShare = 0.1;      // of the healthy standard deviation
constexpr std::int64_t kPatienceSteps = 20;  // one bad batch is no collapse
constexpr double kStarvingShare = 0.1;
constexpr std::int64_t kFewBad = 4;
constexpr std::size_t kReasonsTold = 3;

// "cannot be read 8, truncated 4": the commonest kinds of reasons first.
std::string commonest_reasons(const std::vector<data::BadSample>& bad) {
  std::map<std::string, std::int64_t> counts;
  for (const data::BadSample& b : bad) ++counts[image::kind_of(b.reason)];
  std::vector<std::pair<std::string, std::int64_t>> kinds(counts.begin(), counts.end());
  std::stable_sort(
      kinds.begin(), kinds.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<std::string> told;
  for (std::size_t k = 0; k < std::min(kinds.size(), kReasonsTold); ++k)
    told.push_back(fmt::format("{} {}", kinds[k].first, kinds[k].second));
  return fmt::format("{}{}", fmt::join(told, ", "), kinds.size() > told.size() ? ", .." : "");
}

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

std::optional<std::string> starving_verdict(double data_wait,
                                            const data::Stages& stages,
                                            const data::LoaderSetting& setting) {
  if (data_wait < kStarvingShare || stages.images == 0) return std::nullopt;
  return fmt::format("the network waits for images {:.0f} % of the time; {}",
                     100 * data_wait,
                     data::bottleneck(stages, setting));
}

std::optional<std::string> bad_images_verdict(const std::vector<data::BadSample>& bad,
                                              std::int64_t images,
                                              double max_fraction,
                                              const std::string& list) {
  const auto count = static_cast<std::int64_t>(bad.size());
  const auto share = static_cast<std::int64_t>(max_fraction * static_cast<double>(images));
  const std::int64_t most = max_fraction == 0 ? 0 : std::max(kFewBad, share);
  if (count <= most) return std::nullopt;
  return fmt::format(
      "at most {} of {} images may be unusable (data.max_bad_fraction: {}), and {} are: {}; they "
      "are listed in '{}'; restore them or raise data.max_bad_fraction, and the same command goes "
      "on from the last checkpoint, or leave them out of another run with data.exclude",
      most,
      images,
      max_fraction,
      count,
      commonest_reasons(bad),
      list);
}

}  // namespace sslrun::train
