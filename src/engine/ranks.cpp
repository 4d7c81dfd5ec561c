#include "engine/ranks.h"

#include "base/error.h"
#include "base/log.h"
#include "dist/device.h"
#include "dist/rendezvous.h"
#include "launch/devices.h"
#include "launch/environment.h"
#include "launch/launcher.h"
#include "launch/node_local.h"
#include "recipe/load.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <ratio>

namespace sslrun::engine {
namespace {

constexpr std::chrono::seconds kGrace{30};  // for a checkpoint, when another rank has failed
constexpr int kRecipeExit = 3;

/// In processes of its own. Mistakes in the recipe come once, before any of them.
int start_ranks(const train::PretrainOptions& options, std::size_t count) {
  recipe::require_ranks(recipe::load_recipe(options.recipe, options.overrides),
                        static_cast<std::int64_t>(count));
  const launch::Outcome outcome =
      launch::run_ranks(launch::own_command(), static_cast<int>(count), kGrace);
  if (!outcome.words.empty()) fmt::print(stderr, "sslrun: {}\n", outcome.words);
  return outcome.status;
}

int train_as_rank(const train::PretrainOptions& options, const launch::Environment& place) {
  const auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::duration<double, std::ratio<60>>(options.peer_timeout));
  const auto world = dist::join(place, dist::open_device(options.device), patience);
  try {
    return train::pretrain(options, *world, launch::threads_per_rank(place));
  } catch (const Error& e) {
    const bool speaks_for_all = place.rank == 0 && e.exit_code() == kRecipeExit;
    if (place.size == 1 || speaks_for_all) throw;
    throw Error(
        e.exit_code(),
        fmt::format("rank {} on '{}': {}",
                    place.rank,
                    place.host,
                    e.exit_code() == kRecipeExit ? "the recipe has mistakes, which rank 0 tells"
                                                 : e.what()));
  }
}

}  // namespace

int pretrain_on_devices(const train::PretrainOptions& options) {
  const launch::Environment place = launch::detect_environment();
  const int gpus = options.devices.starts_with("cpu") ? 0 : dist::num_gpus();
  if (place.source == "alone") {
    const auto devices = launch::devices_of(options.devices, gpus);
    if (devices.size() > 1) return start_ranks(options, devices.size());
    if (!place.advice.empty()) log::warn("{}", place.advice);
  }
  if (place.rank == 0 && place.num_nodes > 1 &&
      launch::is_node_local(options.out.empty() ? "runs" : options.out)) {
    log::warn(
        "the run folder is on '{}' alone: started again on other nodes the run begins afresh; "
        "choose one that all nodes see with --out",
        place.host);
  }
  train::PretrainOptions own = options;
  own.device = launch::device_of_rank(options.devices, gpus, place);
  own.ranks_here = place.local_size;
  return train_as_rank(own, place);
}

}  // namespace sslrun::engine
