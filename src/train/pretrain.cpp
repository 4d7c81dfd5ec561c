#include "train/pretrain.h"

#include "base/cpu.h"
#include "base/env.h"
#include "base/error.h"
#include "base/log.h"
#include "base/stop_signal.h"
#include "dist/device.h"
#include "ops/threads.h"
#include "recipe/plan.h"
#include "train/trainer.h"
#include "train/view_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <filesystem>
#include <string_view>

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
              ops::Precision precision) {
  const recipe::Recipe& r = loaded.recipe;
  log::info(
      "{}: {} of a {} on {} images; {} epochs, {} images per step{}; {} on {}, {} decode threads",
      loaded.name,
      r.method.name,
      r.encoder.name,
      data.train->size(),
      r.schedule.epochs,
      r.train.batch_size,
      r.train.accumulate > 1 ? fmt::format(" in {} micro-batches", r.train.accumulate) : "",
      ops::name_of(precision),
      dist::device_name(device),
      r.train.workers.value());
  if (device.is_cpu()) return;
  const views::Pipeline pipeline(
      r.augmentations, static_cast<std::uint32_t>(r.train.seed), r.data.channels);
  const std::string why = why_cpu_views(pipeline, r, device);
  log::info("views are made on the {}{}", why.empty() ? "GPU" : "CPU: ", why);
}

/// As a shell takes it: quoted where it holds more than the characters of plain words.
std::string quoted(const std::string& word) {
  constexpr std::string_view kPlain = "_./=:,+@%-";
  const auto plain = [&](unsigned char c) {
    return std::isalnum(c) != 0 || kPlain.find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

/// The command that goes on with the run: --overwrite left out.
std::string command_of(const PretrainOptions& options) {
  std::string out = "sslrun pretrain " + quoted(options.recipe);
  for (const std::string& text : options.overrides) out += " --set " + quoted(text);
  if (!options.out.empty()) out += " --out " + quoted(options.out);
  if (options.devices != "auto") out += " --devices " + options.devices;
  return out;
}

/// Nothing is left to do: every step is taken and the last one's features are evaluated where they
/// should be.
bool is_finished(const RunState& state, const recipe::Plan& plan, const fs::path& folder) {
  return state.step == plan.total_steps && (!plan.knn || state.evaluated_step == state.step) &&
         says_done(folder);
}

void say_how_it_ended(int signal,
                      const Trainer& trainer,
                      const PretrainOptions& options,
                      const fs::path& folder) {
  const RunState& state = trainer.state();
  if (signal != 0) {
    log::info("saved at step {} of {}; to go on from here: {}",
              state.step,
              trainer.total_steps(),
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
}

}  // namespace

int pretrain(const PretrainOptions& options) {
  install_stop_handlers();
  recipe::LoadedRecipe loaded = recipe::load_recipe(options.recipe, options.overrides);
  const recipe::OpenedData data = recipe::open_data(loaded);
  const at::Device device = dist::open_device(options.devices);
  ops::use_threads(cpu_count());
  recipe::Recipe& recipe = loaded.recipe;
  if (!recipe.train.workers) recipe.train.workers = cpu_count();
  if (options.dry_run) {
    announce(loaded, data, device, ops::choose_precision(recipe.train.precision, device));
    log::info("dry run: the recipe and its data are good; nothing was written");
    return 0;
  }

  const fs::path path =
      options.out.empty() ? fs::path("runs") / loaded.name : fs::path(options.out);
  const RunFolder folder(path);
  if (options.overwrite) folder.clear();
  const auto resumed = checkpoint::CheckpointStore(path, recipe.checkpoint.keep_last).load_latest();
  RunState start = fingerprints(loaded, data);
  if (resumed) {
    const RunState saved = decode_state(resumed->snapshot.state);
    require_same_run(saved, start, path.string());
    start = saved;
    if (is_finished(saved, recipe::make_plan(recipe, data), path)) {
      log::info(
          "the run in '{}' is finished: all {} steps are done; to train it afresh add --overwrite",
          path.string(),
          saved.step);
      return 0;
    }
  } else {
    folder.clear();
    start.precision = ops::name_of(ops::choose_precision(recipe.train.precision, device));
  }
  // A resume computes with what `auto` meant when the run started, on whatever machine.
  const ops::Precision precision = ops::choose_precision(start.precision, device);
  recipe.train.precision = start.precision;
  std::filesystem::create_directories(path / "log");
  log::open_json(path / "log" / "rank0.jsonl");
  announce(loaded, data, device, precision);
  if (!resumed) folder.describe(loaded, data, dist::device_name(device));

  folder.note_start(start.step);
  const auto world = dist::single_world();
  Trainer trainer({loaded, data, folder, *world, device, precision},
                  start,
                  resumed ? &resumed->snapshot : nullptr);
  if (resumed) log::info("going on from step {} of {}", resumed->step, trainer.total_steps());
  const int signal = trainer.run();
  folder.note_end();
  say_how_it_ended(signal, trainer, options, path);
  return exit_status(signal);
}

}  // namespace sslrun::train
