#include "train/image_cache.h"

#include "base/log.h"
#include "base/memory.h"

#include <fmt/format.h>

namespace sslrun::train {
namespace {

constexpr std::int64_t kGigabyte = 1'000'000'000;
constexpr std::int64_t kFreeMemoryParts = 2;  // the other half is the model's, and the system's

double in_gb(std::int64_t bytes) {
  return static_cast<double>(bytes) / static_cast<double>(kGigabyte);
}

}  // namespace

std::unique_ptr<data::CachedSource> make_cache(const recipe::DataConfig& config,
                                               const data::Source& images,
                                               std::int64_t ranks_here) {
  if (config.cache == "none") return nullptr;
  const std::int64_t max_bytes = config.cache_gb ? *config.cache_gb * kGigabyte
                                                 : free_memory() / kFreeMemoryParts / ranks_here;
  log::info("data.cache: {}, in up to {:.1f} GB of memory{}",
            config.cache,
            in_gb(max_bytes),
            config.cache_gb ? ""
            : ranks_here == 1
                ? ", half of what is free"
                : fmt::format(", of half of what is free, shared by {} processes", ranks_here));
  return std::make_unique<data::CachedSource>(
      images,
      data::CacheOptions{.keep = config.cache == "ram" ? data::Keep::kPixels : data::Keep::kFiles,
                         .max_bytes = max_bytes,
                         .short_side = config.cache_side.value_or(0)});
}

std::optional<std::string> full_cache_verdict(const data::CacheUse& use,
                                              std::int64_t images,
                                              const std::string& cache) {
  if (use.refused == 0) return std::nullopt;
  const double share = static_cast<double>(use.images) / static_cast<double>(images);
  return fmt::format(
      "data.cache: {} of {} images are kept and its {:.1f} GB are used up; the others are read "
      "anew "
      "each epoch{}; raise data.cache_gb{}",
      use.images,
      images,
      in_gb(use.bytes),
      share > 0 ? fmt::format(", and about {:.1f} GB would hold all", in_gb(use.bytes) / share)
                : "",
      cache == "ram" ? " or lower data.cache_side" : "");
}

}  // namespace sslrun::train
