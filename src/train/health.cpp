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
constexpr double kShrunkStd = 0.05;          // of 1
constexpr double kGuessingShare = 0.001;     // of ln K that the loss may be away from it
constexpr std::int64_t kGuessingSteps = 500;
constexpr double kWorseThanGuessing = 1.5;  // of ln K
constexpr std::int64_t kWorseSteps = 50;
// Of diagnosed steps, which are far apart.
constexpr std::int64_t kPatienceDiagnoses = 10;
constexpr double kFewestDirections = 1.5;
constexpr double kUniformShare = 0.001;  // of ln K that a teacher must be away from uniform
constexpr double kFewestPrototypes = 1.5;
constexpr std::string_view kSharperTeacher =  // of the DINO family, which has no other advice
    "lower method.teacher_temperature, or method.head.output_dim where there are few images";

std::optional<double> find(const StepSigns& signs, std::string_view name) {
  for (const auto& [key, value] : signs.scalars)
    if (key == name) return value;
  return std::nullopt;
}

// "ln 256", "2 ln 256".
std::string log_text(double scale, std::int64_t of) {
  return scale == 1 ? fmt::format("ln {}", of) : fmt::format("{:.4g} ln {}", scale, of);
}

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

bool HealthWatch::Rule::lasts(bool bad, std::int64_t patience) {
  count_ = bad ? count_ + 1 : 0;
  if (told_ || count_ < patience) return false;
  return told_ = true;
}

std::string HealthWatch::remedy() const {
  return fmt::format("lower optimizer.lr, lengthen schedule.warmup_epochs{}{}",
                     advice_.empty() ? "" : ", or ",
                     advice_);
}

std::optional<std::string> HealthWatch::observe(const StepSigns& signs) {
  // Each looks at every step: a count must not miss one.
  const std::optional<std::string> verdicts[] = {
      judge_embeddings(signs), judge_teacher(signs), judge_loss(signs)};
  for (const auto& verdict : verdicts)
    if (verdict) return verdict;
  return std::nullopt;
}

std::optional<std::string> HealthWatch::judge_loss(const StepSigns& signs) {
  if (signs.candidates < 2) return std::nullopt;
  const double guess = signs.guessing_scale * std::log(static_cast<double>(signs.candidates));
  if (guessing_.lasts(std::abs(signs.loss - guess) < kGuessingShare * guess, kGuessingSteps)) {
    return fmt::format(
        "nothing is told apart: at step {} the loss is {} = {:.4g}, what guessing gives, and has "
        "been for {} steps; {}",
        signs.step,
        log_text(signs.guessing_scale, signs.candidates),
        guess,
        kGuessingSteps,
        remedy());
  }
  if (worse_.lasts(signs.loss > kWorseThanGuessing * guess, kWorseSteps)) {
    return fmt::format(
        "the loss is worse than guessing: at step {} it has been above {} = {:.4g} for {} steps "
        "({:.4g}), so the weights move too far in each; lower optimizer.lr or lengthen "
        "schedule.warmup_epochs",
        signs.step,
        log_text(kWorseThanGuessing * signs.guessing_scale, signs.candidates),
        kWorseThanGuessing * guess,
        kWorseSteps,
        signs.loss);
  }
  return std::nullopt;
}

std::optional<std::string> HealthWatch::judge_embeddings(const StepSigns& signs) {
  if (const auto std = find(signs, "embedding_std")) {
    const double healthy = 1 / std::sqrt(static_cast<double>(signs.dim));
    if (collapsed_.lasts(*std < kCollapsedShare * healthy, kPatienceSteps)) {
      return fmt::format(
          "the embeddings have collapsed: at step {} their standard deviation has been below "
          "{:.0f} % of a healthy one for {} steps ({:.2g}; healthy is {:.2g}), so all images "
          "look alike to the loss; {}",
          signs.step,
          100 * kCollapsedShare,
          kPatienceSteps,
          *std,
          healthy,
          remedy());
    }
  }
  const auto raw = find(signs, "raw_std");
  if (raw && shrunk_.lasts(*raw < kShrunkStd, kPatienceSteps)) {
    return fmt::format(
        "the embeddings have collapsed: at step {} their standard deviation has been below {} "
        "for {} steps ({:.2g}; healthy is 1), so all images are nearly one point; {}",
        signs.step,
        kShrunkStd,
        kPatienceSteps,
        *raw,
        remedy());
  }
  const auto rank = find(signs, "rank_me");
  if (rank && few_directions_.lasts(*rank < kFewestDirections, kPatienceDiagnoses)) {
    return fmt::format(
        "the embeddings lie on a line: at step {} they fill {:.3g} of {} directions (rank_me, "
        "below {} the last {} times), so their dimensions say the same; {}",
        signs.step,
        *rank,
        signs.dim,
        kFewestDirections,
        kPatienceDiagnoses,
        remedy());
  }
  return std::nullopt;
}

std::optional<std::string> HealthWatch::judge_teacher(const StepSigns& signs) {
  const auto kl = find(signs, "teacher_kl"), entropy = find(signs, "teacher_entropy");
  if (kl && entropy &&
      uniform_teacher_.lasts(*kl < kUniformShare * (*kl + *entropy), kPatienceDiagnoses)) {
    return fmt::format(
        "the teacher is uniform: at step {} its entropy is {:.4g} of at most {:.4g}, the last {} "
        "times, so it teaches nothing; {}",
        signs.step,
        *entropy,
        *kl + *entropy,
        kPatienceDiagnoses,
        advice_.empty() ? kSharperTeacher : std::string_view(advice_));
  }
  const auto used = find(signs, "prototypes_used");
  if (used && one_prototype_.lasts(*used < kFewestPrototypes, kPatienceDiagnoses)) {
    return fmt::format(
        "all images are given one prototype: at step {} {:.3g} are in use (below {} the last {} "
        "times); {}",
        signs.step,
        *used,
        kFewestPrototypes,
        kPatienceDiagnoses,
        remedy());
  }
  return std::nullopt;
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
      "are listed in '{}'; restore them or raise data.max_bad_fraction, and the same command "
      "goes on from the last checkpoint, or leave them out of another run with data.exclude",
      most,
      images,
      max_fraction,
      count,
      commonest_reasons(bad),
      list);
}

}  // namespace sslrun::train
