#include "train/pretrain.h"

#include "base/cpu.h"
#include "base/env.h"
#include "base/error.h"
#include "base/log.h"
#include "base/shell.h"
#include "base/stop_signal.h"
#include "dist/device.h"
#include "dist/exchange.h"
#include "dist/world.h"
#include "ops/threads.h"
#include "recipe/plan.h"
#include "train/rollback.h"
#include "train/view_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <optional>
#include <utility>

namespace sslrun::train {
namespace {

namespace fs = std::filesystem;

constexpr int kRunAgain = 75;

bool under_batch_system() {
  for (const char* name : {"SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID"}) {
    if (env(name)) return true;
  }
  return false;
}

int exit_status(int signal) {
  if (signal == 0) return 0;
  if (signal == SIGINT) return 128 + SIGINT;
  return under_batch_system() || signal != SIGTERM ? kRunAgain : 128 + SIGTERM;
}

/// Says what is about to happen, in a few lines.
void announce(const recipe::LoadedRecipe& loaded,
              const recipe::OpenedData& data,
              at::Device device,
              ops::Precision precision,
              std::int64_t ranks) {
  const recipe::Recipe& r = loaded.recipe;
  log::info(
      "{}: {} of a {} on {} images; {} epochs, {} images per step{}{}; {} on {}, {} decode threads",
      loaded.name,
      r.method.name,
      r.encoder.name,
      data.train->size(),
      r.schedule.epochs,
      r.train.batch_size,
      r.train.accumulate > 1 ? fmt::format(" in {} micro-batches", r.train.accumulate) : "",
      ranks > 1 ? fmt::format(" shared out to {} processes", ranks) : "",
      ops::name_of(precision),
      dist::device_name(device),
      r.train.workers.value());
  if (device.is_cpu()) return;
  const views::Pipeline pipeline(
      r.augmentations, static_cast<std::uint32_t>(r.train.seed), r.data.channels);
  const std::string why = why_cpu_views(pipeline, r, device);
  log::info("views are made on the {}{}", why.empty() ? "GPU" : "CPU: ", why);
}

/// The command that goes on with the run: --overwrite left out.
std::string command_of(const PretrainOptions& options) {
  std::string out = "sslrun pretrain " + shell_quoted(options.recipe);
  for (const std::string& text : options.overrides) out += " --set " + shell_quoted(text);
  if (!options.out.empty()) out += " --out " + shell_quoted(options.out);
  if (options.devices != "auto") out += " --devices " + options.devices;
  return out;
}

/// Nothing is left to do: every step is taken and the last one's features are evaluated where they
/// should be.
bool is_finished(const RunState& state, const recipe::Plan& plan, const fs::path& folder) {
  return state.step == plan.total_steps && (!plan.knn || state.evaluated_step == state.step) &&
         says_done(folder);
}

int least(int threads, dist::World& world, at::Device device) {
  const double own[] = {static_cast<double>(threads)};
  for (const auto& rank : dist::exchange(own, world, device))
    threads = std::min(threads, static_cast<int>(rank[0]));
  return threads;
}

void require_same_images(const std::string& fingerprint, dist::World& world, at::Device device) {
  const auto all = dist::exchange(fingerprint, world, device);
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    if (all[rank] == all[0]) continue;
    throw DataError(fmt::format(
        "data.train must hold the same images for all processes, and the list of images "
        "of rank {} is another than that of rank 0 ({}, {})",
        rank,
        all[rank],
        all[0]));
  }
}

void say_how_it_ended(const TrainingEnd& end,
                      const PretrainOptions& options,
                      const fs::path& folder) {
  const RunState& state = end.state;
  if (end.signal != 0) {
    log::info("saved at step {} of {}; to go on from here: {}",
              state.step,
              end.total_steps,
              command_of(options));
    return;
  }
  if (state.knn >= 0) {
    log::info("done: k-NN {:.2f} % (untrained {:.2f} %), in '{}'",
              100 * state.knn,
              100 * state.knn_untrained,
              folder.string());
  } else {
    log::info("done, in '{}'", folder.string());
  }
  if (!state.bad_images.empty()) {
    log::warn("{} images could not be used; see '{}'",
              state.bad_images.size(),
              (folder / "bad_images.jsonl").string());
  }
  if (!state.left_out.empty())
    log::warn(
        "the batches of {} steps trained nothing: their loss or gradient was not finite, or they "
        "led to such a step",
        state.left_out.size());
}

}  // namespace

int pretrain(const PretrainOptions& options, dist::World& world, int threads) {
  install_stop_handlers();
  recipe::LoadedRecipe loaded = recipe::load_recipe(options.recipe, options.overrides);
  recipe::require_ranks(loaded, world.size());
  const recipe::OpenedData data = recipe::open_data(loaded);
  const at::Device device = dist::open_device(options.device);
  const bool first = world.rank() == 0;
  ops::use_threads(least(threads, world, device));
  recipe::Recipe& recipe = loaded.recipe;
  if (!recipe.train.workers) recipe.train.workers = threads;
  if (options.dry_run) {
    if (!first) return 0;
    announce(
        loaded, data, device, ops::choose_precision(recipe.train.precision, device), world.size());
    log::info("dry run: the recipe and its data are good; nothing was written");
    return 0;
  }

  const fs::path path =
      options.out.empty() ? fs::path("runs") / loaded.name : fs::path(options.out);
  std::optional<RunFolder> folder;
  if (first) folder.emplace(path);
  if (first && options.overwrite) folder->clear();
  world.barrier();  // nobody reads what the first one removes
  const checkpoint::CheckpointStore store(path, recipe.checkpoint.keep_last);
  auto resumed = store.load_latest();
  RunState start = fingerprints(loaded, data);
  require_same_images(start.data, world, device);
  if (resumed) {
    const RunState saved = decode_state(resumed->snapshot.state);
    require_same_run(saved, start, path.string());
    start = saved;
    if (is_finished(saved, recipe::make_plan(recipe, data), path)) {
      if (!first) return 0;
      log::info(
          "the run in '{}' is finished: all {} steps are done; to train it afresh add --overwrite",
          path.string(),
          saved.step);
      return 0;
    }
  } else {
    if (first) folder->clear();
    const auto here = ops::choose_precision(recipe.train.precision, device);
    start.precision = dist::exchange(std::string(ops::name_of(here)), world, device).front();
  }
  // A resume computes with what `auto` meant when the run started, on whatever machine.
  const ops::Precision precision = ops::choose_precision(start.precision, device);
  recipe.train.precision = start.precision;
  std::filesystem::create_directories(path / "log");
  log::open_json(path / "log" / fmt::format("rank{}.jsonl", world.rank()));
  if (first) announce(loaded, data, device, precision, world.size());
  if (first && !resumed) folder->describe(loaded, data, dist::device_name(device));

  if (first) folder->note_start(start.step);
  if (first && resumed)
    log::info(
        "going on from step {} of {}", start.step, recipe::make_plan(recipe, data).total_steps);
  const TrainingEnd end = train_to_end(
      {loaded, data, folder ? &*folder : nullptr, world, device, precision, options.ranks_here},
      store,
      start,
      std::move(resumed));
  if (first) {
    folder->note_end();
    say_how_it_ended(end, options, path);
  }
  return exit_status(end.signal);
}

}  // namespace sslrun::train
