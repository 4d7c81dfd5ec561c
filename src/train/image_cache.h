// The cache of training images that a recipe asks for.
#pragma once
#include "data/cache.h"
#include "recipe/recipe.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace sslrun::train {

/// A cache of `images` as data.cache, cache_gb and cache_side say, and a line in the log about its
/// memory; null for data.cache: none. images outlives it. ranks_here: processes of this machine, each of
/// which keeps its own: they share what is free.
std::unique_ptr<data::CachedSource> make_cache(const recipe::DataConfig& config,
                                               const data::Source& images,
                                               std::int64_t ranks_here);

/// What to tell about a cache in which not all of `images` images find room; nothing as long as they
/// do. cache: the recipe's data.cache.
std::optional<std::string> full_cache_verdict(const data::CacheUse& use,
                                              std::int64_t images,
                                              const std::string& cache);

}  // namespace sslrun::train
