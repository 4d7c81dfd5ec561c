#include "eval/evaluate.h"

#include "base/cpu.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/terminal.h"
#include "checkpoint/store.h"
#include "dist/device.h"
#include "eval/knn.h"
#include "eval/linear_probe.h"
#include "methods/method_config.h"
#include "ops/threads.h"
#include "recipe/load.h"
#include "views/pipeline.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <filesystem>
#include <memory>

namespace sslrun::eval {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// Everything that both commands start from.
struct Extracted {
  Features train, val;
  std::int64_t step = 0;
  std::string transform;  // in words
  std::string data;       // in words
};

/// The encoder of the newest whole checkpoint of a run.
std::unique_ptr<encoders::Encoder> load_encoder(const fs::path& run,
                                                const recipe::Recipe& recipe,
                                                std::int64_t& step) {
  const auto loaded = checkpoint::CheckpointStore(run, recipe.checkpoint.keep_last).load_latest();
  if (!loaded) {
    throw CheckpointError(fmt::format(
        "'{}' must hold a checkpoint, and its run has not saved one yet", run.string()));
  }
  step = loaded->step;
  const methods::MethodConfig* const method = recipe::method_config(recipe);
  check_invariant(method != nullptr, "a recipe's method has its configuration");
  const std::string prefix = std::string(method->evaluated()) + ".";
  nn::NamedTensors weights;
  for (const auto& [name, tensor] : loaded->snapshot.model) {
    if (name.starts_with(prefix)) weights.emplace_back(name.substr(prefix.size()), tensor);
  }
  auto encoder = encoders::make_encoder(
      recipe.encoder, static_cast<std::uint32_t>(recipe.train.seed), recipe.data.channels);
  nn::load_state(*encoder, weights);
  return encoder;
}

Features extract(encoders::Encoder& encoder,
                 const data::Source& source,
                 const views::EvalTransform& transform,
                 ExtractOptions options,
                 const char* what) {
  if (is_terminal(STDERR_FILENO)) {
    options.progress = [what](std::int64_t done, std::int64_t total) {
      fmt::print(stderr,
                 "\r{}: features of {} of {} images{}",
                 what,
                 done,
                 total,
                 done == total ? "\r\033[K" : "");
    };
  }
  Features features = extract_features(encoder, source, transform, options);
  if (features.num_bad > 0)
    log::warn("{}: {} images could not be read and are left out", what, features.num_bad);
  return features;
}

Extracted extract_both(const std::string& run,
                       const std::string& data,
                       const std::string& format,
                       const std::string& devices) {
  const fs::path recipe_path = fs::path(run) / "recipe.resolved.yaml";
  if (!fs::exists(recipe_path)) {
    throw UsageError(fmt::format(
        "'{}' must be the run folder of sslrun pretrain, and it holds no recipe.resolved.yaml",
        run));
  }
  std::vector<std::string> overrides;
  if (!data.empty())
    overrides = {"data.train=" + data, "data.val=" + data, "data.format=" + format};
  const recipe::LoadedRecipe loaded = recipe::load_recipe(recipe_path, overrides);
  const recipe::Recipe& recipe = loaded.recipe;
  if (recipe.data.val.empty()) {
    throw UsageError("labelled images must be given with --data: the run's recipe has no data.val");
  }
  const auto train = data::open_source(
      recipe.data.train, recipe.data.format, data::Split::kTrain, recipe.data.pixels());
  const auto val = data::open_source(
      recipe.data.val, recipe.data.format, data::Split::kTest, recipe.data.pixels());
  if (train->labels().empty() || val->labels().empty()) {
    throw DataError(
        fmt::format("both parts must have labels (class folders, shards with .cls members, IDX or "
                    "CIFAR files), and '{}' has none",
                    train->labels().empty() ? recipe.data.train : recipe.data.val));
  }
  const at::Device device = dist::open_device(devices);
  ops::use_threads(cpu_count());
  Extracted out;
  const auto encoder = load_encoder(run, recipe, out.step);
  encoder->to(device);
  encoder->to_channels_last();
  const views::Pipeline pipeline(
      recipe.augmentations, static_cast<std::uint32_t>(recipe.train.seed), recipe.data.channels);
  const views::EvalTransform transform(pipeline.crop_side(0), pipeline.stats(0));
  const ExtractOptions options{.precision = ops::choose_precision(recipe.train.precision, device),
                               .device = device};
  out.train = extract(*encoder, *train, transform, options, "train");
  out.val = extract(*encoder, *val, transform, options, "val");
  out.transform = fmt::format("clean images of {0} x {0}, the recipe's normalisation, {1}",
                              pipeline.crop_side(0),
                              ops::name_of(options.precision));
  out.data = recipe.data.train == recipe.data.val ? recipe.data.train
                                                  : recipe.data.train + " and " + recipe.data.val;
  return out;
}

/// RUN/<kind>/<last part of the data's path>.json
void write_result(const std::string& run,
                  const char* kind,
                  const std::string& data,
                  const Json& result) {
  const fs::path folder = fs::path(run) / kind;
  fs::create_directories(folder);
  std::string name = fs::path(data).filename().string();
  if (name.empty()) name = fs::path(data).parent_path().filename().string();
  write_file_atomic(folder / ((name.empty() ? "data" : name) + ".json"), result.dump(2) + "\n");
}

}  // namespace

void run_knn(const KnnOptions& options) {
  const Extracted e = extract_both(options.run, options.data, options.format, options.devices);
  const KnnResult result = knn(e.train, e.val, {10, 20, 100, 200}, {0.07, 0.1, 0.5});
  const auto row = [](const KnnScore& s) {
    return Json{{"top1", s.top1}, {"top5", s.top5}, {"k", s.k}, {"temperature", s.temperature}};
  };
  // The protocol's own row, not the best one: choosing on val would flatter.
  const KnnScore& reported = result.table.at(3);
  Json out = row(reported);
  out.update({{"step", e.step},
              {"train_images", result.train_images},
              {"val_images", result.val_images},
              {"protocol",
               "frozen encoder in evaluation mode, " + e.transform +
                   ", features L2-normalised; the k nearest training images by cosine vote with "
                   "weight exp(cosine / temperature); "
                   "reported: k 20, temperature 0.07, chosen beforehand (Wu et al. 2018; Caron et "
                   "al. 2021)"},
              {"data", e.data}});
  out["table"] = Json::array();
  for (const KnnScore& s : result.table) out["table"].push_back(row(s));
  write_result(options.run, "knn", e.data, out);
  if (options.json) return fmt::print("{}\n", out.dump());
  fmt::print(
      "k-NN of step {}: top-1 {:.2f} %, top-5 {:.2f} %  (k {}, temperature {}; {} training, {} "
      "validation images)\n",
      e.step,
      100 * reported.top1,
      100 * reported.top5,
      reported.k,
      reported.temperature,
      result.train_images,
      result.val_images);
  fmt::print("{:>6}  {:>11}  {:>7}  {:>7}\n", "k", "temperature", "top-1 %", "top-5 %");
  for (const KnnScore& s : result.table) {
    fmt::print(
        "{:>6}  {:>11}  {:>7.2f}  {:>7.2f}\n", s.k, s.temperature, 100 * s.top1, 100 * s.top5);
  }
}

void run_linear_probe(const LinearProbeOptions& options) {
  const Extracted e = extract_both(options.run, options.data, options.format, options.devices);
  ProbeOptions probe;
  probe.epochs = options.epochs;
  if (is_terminal(STDERR_FILENO)) {
    probe.progress = [&](std::int64_t epoch) {
      fmt::print(stderr,
                 "\rlinear probe: epoch {} of {}{}",
                 epoch,
                 options.epochs,
                 epoch == options.epochs ? "\r\033[K" : "");
    };
  }
  const ProbeResult result = linear_probe(e.train, e.val, probe);
  const ProbeScore& best = result.table[result.chosen];
  Json out = {
      {"top1", best.top1},
      {"top5", best.top5},
      {"lr", best.lr},
      {"epochs", options.epochs},
      {"step", e.step},
      {"train_images", result.train_images},
      {"held_out_images", result.held_out_images},
      {"val_images", result.val_images},
      {"protocol",
       "frozen encoder in evaluation mode, " + e.transform +
           ", features standardised per dimension with the training images' mean and deviation, no "
           "augmentation; linear "
           "classifier from zero, SGD with momentum 0.9, batch 256, cosine to 0, no weight decay; "
           "learning rates trained side "
           "by side, the one best on a tenth of the training images, held out, is reported"},
      {"data", e.data}};
  out["table"] = Json::array();
  for (const ProbeScore& s : result.table) {
    out["table"].push_back(
        {{"lr", s.lr}, {"held_out_top1", s.held_out_top1}, {"top1", s.top1}, {"top5", s.top5}});
  }
  write_result(options.run, "probe", e.data, out);
  if (options.json) return fmt::print("{}\n", out.dump());
  fmt::print(
      "linear probe of step {}: top-1 {:.2f} %, top-5 {:.2f} %  (lr {}, {} epochs; {} training, {} "
      "held-out, {} validation images)\n",
      e.step,
      100 * best.top1,
      100 * best.top5,
      best.lr,
      options.epochs,
      result.train_images,
      result.held_out_images,
      result.val_images);
}

}  // namespace sslrun::eval
