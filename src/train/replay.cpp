#include "train/replay.h"

#include "base/cpu.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "dist/device.h"
#include "dist/world.h"
#include "ops/threads.h"
#include "recipe/plan.h"
#include "train/trainer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <sstream>

namespace sslrun::train {
namespace {

namespace fs = std::filesystem;

/// The line of that training step in metrics.jsonl; null: it was not logged.
nlohmann::json recorded_line(const fs::path& run, std::int64_t step) {
  if (!fs::exists(run / "metrics.jsonl")) return nullptr;
  std::istringstream lines(read_file(run / "metrics.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (json.is_object() && json.contains("loss") && json.value("step", std::int64_t{0}) == step)
      return json;
  }
  return nullptr;
}

/// As metrics.jsonl writes it.
nlohmann::json number(double x) {
  return std::isfinite(x) ? nlohmann::json(x) : nlohmann::json(nullptr);
}

void print(const ReplayOptions& options,
           const std::string& from,
           const Trainer::Replayed& got,
           bool left_out,
           const nlohmann::json& recorded) {
  nlohmann::ordered_json out = {{"step", options.step},
                                {"from", from},
                                {"loss", number(got.loss)},
                                {"grad_norm", number(got.grad_norm)},
                                {"lr", got.lr},
                                {"samples", got.samples},
                                {"left_out", left_out},
                                {"recorded", nullptr},
                                {"equal", nullptr}};
  if (!recorded.is_null()) {
    out["recorded"] = {{"loss", recorded.at("loss")}, {"grad_norm", recorded.at("grad_norm")}};
    out["equal"] =
        out["loss"] == out["recorded"]["loss"] && out["grad_norm"] == out["recorded"]["grad_norm"];
  }
  if (options.json) return fmt::print("{}\n", out.dump());
  fmt::print("step {} again, from {}\nloss {}  grad_norm {}  lr {}\nsamples {}\n",
             options.step,
             from,
             got.loss,
             got.grad_norm,
             got.lr,
             fmt::join(got.samples, " "));
  if (left_out) fmt::print("the run has left this step out\n");
  if (recorded.is_null()) {
    fmt::print("metrics.jsonl has no line of this step to compare with\n");
  } else {
    fmt::print("the record in metrics.jsonl {}\n",
               out["equal"] == true ? "is equal to the bit"
                                    : fmt::format("differs: loss {}, grad_norm {}",
                                                  out["recorded"]["loss"].dump(),
                                                  out["recorded"]["grad_norm"].dump()));
  }
}

}  // namespace

void replay(const ReplayOptions& options) {
  const fs::path run = options.run, recipe_path = run / "recipe.resolved.yaml";
  if (!fs::exists(recipe_path)) {
    throw UsageError(fmt::format(
        "'{}' must be the run folder of sslrun pretrain, and it holds no recipe.resolved.yaml",
        options.run));
  }
  recipe::LoadedRecipe loaded = recipe::load_recipe(recipe_path.string(), {});
  const recipe::OpenedData data = recipe::open_data(loaded);
  const std::int64_t steps = recipe::make_plan(loaded.recipe, data).total_steps;
  if (options.step < 1 || options.step > steps) {
    throw UsageError(fmt::format(
        "replay: --step must be one of the run's steps, 1 to {}, got {}", steps, options.step));
  }
  const at::Device device = dist::open_device(options.devices);
  ops::use_threads(cpu_count());
  if (!loaded.recipe.train.workers) loaded.recipe.train.workers = cpu_count();

  const checkpoint::CheckpointStore store(run, loaded.recipe.checkpoint.keep_last);
  const auto newest = store.load_latest();
  const auto before = newest && newest->step < options.step
                          ? newest
                          : store.load_latest(/*last_step=*/options.step - 1);
  RunState start = fingerprints(loaded, data);
  start.precision = ops::name_of(ops::choose_precision(loaded.recipe.train.precision, device));
  if (before) {
    const RunState saved = decode_state(before->snapshot.state);
    start.training_hash = saved.training_hash;  // the run's own recipe, with what auto came to mean
    require_same_run(saved, start, run.string());
    start = saved;
  }
  // A step may have been left out after the checkpoint before it was written.
  if (newest) start.left_out = decode_state(newest->snapshot.state).left_out;
  const std::string from = before ? checkpoint::name_of(before->step) : "the start";
  const auto world = dist::single_world();
  Trainer trainer({loaded,
                   data,
                   /*folder=*/nullptr,
                   *world,
                   device,
                   ops::choose_precision(start.precision, device)},
                  start,
                  before ? &before->snapshot : nullptr);
  log::info("{} steps from {}", options.step - start.step, from);
  print(options,
        from,
        trainer.replay(options.step),
        start.left_out.contains(options.step),
        recorded_line(run, options.step));
}

}  // namespace sslrun::train
