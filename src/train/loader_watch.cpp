#include "train/loader_watch.h"

#include "base/cpu.h"
#include "train/health.h"
#include "train/image_cache.h"

namespace sslrun::train {

void LoaderWatch::add_stages(metrics::Record& line) {
  const data::Stages now = loader_.stages();
  const data::Stages recent = now - logged_;
  if (recent.images == 0) return;
  const auto ms_per_image = [&](double seconds) {
    return 1e3 * seconds / static_cast<double>(recent.images);
  };
  line.values.emplace_back("read_ms", ms_per_image(recent.read_s));
  line.values.emplace_back("decode_ms", ms_per_image(recent.decode_s));
  line.values.emplace_back("augment_ms", ms_per_image(recent.augment_s));
  line.values.emplace_back("loader_idle", recent.idle());
  logged_ = now;
}

std::optional<std::string> LoaderWatch::epoch_verdict(double data_wait) {
  const data::Stages now = loader_.stages();
  const data::Stages epoch = now - judged_;
  const bool filling = cache_ != nullptr && judged_.images == 0;  // what it reads now it keeps
  judged_ = now;
  if (starving_told_ || filling) return std::nullopt;
  auto verdict = starving_verdict(data_wait,
                                  epoch,
                                  {.threads = recipe_.train.workers.value(),
                                   .processors = cpu_count(),
                                   .cache = recipe_.data.cache});
  starving_told_ = verdict.has_value();
  return verdict;
}

std::optional<std::string> LoaderWatch::cache_verdict() {
  if (cache_ == nullptr || full_cache_told_) return std::nullopt;
  auto verdict = full_cache_verdict(cache_->use(), cache_->size(), recipe_.data.cache);
  full_cache_told_ = verdict.has_value();
  return verdict;
}

}  // namespace sslrun::train
