// What the loader's figures say: scalars of a metrics line, and warnings.
#pragma once
#include "data/cache.h"
#include "data/loader.h"
#include "metrics/metrics_log.h"
#include "recipe/recipe.h"

#include <optional>
#include <string>

namespace sslrun::train {

/// Of one run's loader and cache; both outlive it. Each warning comes once.
class LoaderWatch {
 public:
  /// cache: null where there is none.
  LoaderWatch(const data::Loader& loader,
              const data::CachedSource* cache,
              const recipe::Recipe& recipe)
      : loader_(loader), cache_(cache), recipe_(recipe) {}

  /// Thread time per image in each stage of the loader and how idle its threads were, since the last
  /// line.
  void add_stages(metrics::Record& line);

  /// At an epoch's end, of which the network has waited a part `data_wait` for images: whether that
  /// is too much, and what holds them up.
  std::optional<std::string> epoch_verdict(double data_wait);

  /// Whether not all images find room in the cache.
  std::optional<std::string> cache_verdict();

 private:
  const data::Loader& loader_;
  const data::CachedSource* cache_;
  const recipe::Recipe& recipe_;
  data::Stages logged_, judged_;  // up to the last line, the last epoch's end
  bool starving_told_ = false, full_cache_told_ = false;
};

}  // namespace sslrun::train
