// A training step of each method, as its shipped recipe has it.
#include "bench/method_step.h"

#include "base/cpu.h"
#include "base/error.h"
#include "config/nearest.h"
#include "data/loader.h"
#include "dist/world.h"
#include "encoders/encoder.h"
#include "methods/method.h"
#include "methods/method_configs.h"
#include "methods/trained_parameters.h"
#include "nn/randomness.h"
#include "ops/autocast.h"
#include "ops/step.h"
#include "optim/clip.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "recipe/load.h"
#include "recipe/shipped.h"
#include "train/view_path.h"
#include "views/pipeline.h"

#include <torch/version.h>

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <tuple>
#include <utility>

namespace sslrun::bench {
namespace {

constexpr std::int64_t kSteps = 2;  // of an epoch: twice the batch's images
constexpr std::uint32_t kSeed = 0;

using Overrides = std::vector<std::string>;

recipe::LoadedRecipe load(const std::string& method, Overrides overrides) {
  const auto source = [](std::int64_t images) { return fmt::format("synthetic:{}x64", images); };
  overrides.push_back("data.train=" + source(1));
  recipe::LoadedRecipe loaded =
      recipe::load_recipe(recipe::configs_folder() / (method + ".yaml"), overrides);
  loaded.recipe.data.train = source(kSteps * loaded.recipe.train.batch_size);
  return loaded;
}

/// A recipe's method in training on one batch.
class MethodTraining {
 public:
  explicit MethodTraining(const std::string& name, Overrides overrides = {})
      : loaded_(load(name, std::move(overrides))),
        recipe_(loaded_.recipe),
        images_(recipe_.train.batch_size / recipe_.train.accumulate),
        precision_(ops::choose_precision(recipe_.train.precision, at::kCPU)),
        method_(methods::make_method(
            recipe_.method,
            {.make_encoder = [this] { return encoders::make_encoder(recipe_.encoder, kSeed); },
             .seed = kSeed,
             .train_images = kSteps * recipe_.train.batch_size})),
        schedule_(recipe_.schedule, recipe_.learning_rate.peak(recipe_.train.batch_size), kSteps) {
    method_->to_channels_last();
    optimizer_ = optim::make_optimizer(
        recipe_.optimizer, methods::trained_parameters(*method_, recipe_.learning_rate, kSteps));
    make_batch();
  }

  void step() {
    const methods::Progress progress{step_, schedule_.steps(), kSteps};
    method_->before_step(progress);
    optimizer_->zero_grad();
    methods::StepResult result;
    {
      const ops::Autocast autocast(precision_, at::kCPU);
      const nn::Randomness randomness(kSeed, progress.epoch(), samples_);
      result = method_->forward(views_, {*world_, progress, samples_, targets_, labels_});
    }
    ops::backward(result.loss, 1.0);
    if (recipe_.has_clip) optim::clip_gradients(method_->named_parameters(), recipe_.clip);
    optimizer_->step(schedule_.at(step_), method_->following(progress));
    method_->after_step(progress);
    step_ = std::min(step_ + 1, schedule_.steps() - 1);
  }

  std::int64_t images() const { return images_; }

  std::int64_t views() const { return static_cast<std::int64_t>(views_.size()) * images_; }

  std::string note() const {
    return fmt::format("{} of a {} as in its recipe, {} images of {} views, {}",
                       recipe_.method.name,
                       recipe_.encoder.name,
                       images_,
                       views_.size(),
                       ops::name_of(precision_));
  }

 private:
  void make_batch() {
    const recipe::OpenedData data = recipe::open_data(loaded_);
    const views::Pipeline pipeline(recipe_.augmentations, kSeed, recipe_.data.channels);
    const auto path = train::make_cpu_path(pipeline, at::kCPU);
    data::Loader loader(
        *data.train, data::Sampler(kSeed, data.train->size(), images_), path->work(), {});
    const data::Batch& batch = loader.next();
    path->load(batch);
    for (std::int64_t v = 0; v < pipeline.num_views(); ++v) {
      const auto& classes = batch.targets[static_cast<std::size_t>(v)];
      views_.push_back(path->view(v, 0, images_).clone());
      targets_.push_back(
          ops::classes_to(classes.data(), images_, pipeline.form(v).targets, at::kCPU).clone());
    }
    samples_ = batch.samples;
    labels_ = ops::classes_to(batch.labels.data(), images_, 1, at::kCPU).view({-1}).clone();
  }

  recipe::LoadedRecipe loaded_;
  const recipe::Recipe& recipe_;
  std::int64_t images_;  // of a micro-batch: one is a step here
  ops::Precision precision_;
  std::shared_ptr<dist::World> world_ = dist::single_world();
  std::unique_ptr<methods::Method> method_;
  optim::Schedule schedule_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  std::vector<at::Tensor> views_, targets_;
  std::vector<std::int64_t> samples_;
  at::Tensor labels_;
  std::int64_t step_ = 0;
};

Prepared prepare(const std::string& method) {
  const auto training = std::make_shared<MethodTraining>(method);
  return {.contenders = {{.tool = "sslrun",
                          .suffix = "",
                          .once = [training] { training->step(); },
                          .items = static_cast<double>(training->views())}},
          .note = training->note(),
          .versions = {{"libtorch", TORCH_VERSION}}};
}

/// A shape that other tools are timed at: in bfloat16 where this processor has it, then in float32
/// ("_fp32"); images per second.
Prepared prepare_shape(const std::string& method, const Overrides& shape) {
  Prepared out{.contenders = {}, .note = "", .versions = {{"libtorch", TORCH_VERSION}}};
  for (const char* precision : {"bf16", "fp32"}) {
    const bool fast = precision == std::string("bf16");
    if (fast && !cpu_has_bf16()) continue;
    Overrides overrides = shape;
    overrides.push_back(fmt::format("train.precision={}", precision));
    const auto training = std::make_shared<MethodTraining>(method, overrides);
    if (out.contenders.empty()) out.note = training->note();
    out.contenders.push_back({.tool = "sslrun",
                              .suffix = out.contenders.empty() ? "" : "_fp32",
                              .once = [training] { training->step(); },
                              .items = static_cast<double>(training->images())});
  }
  return out;
}

/// DINO's 2 global and 8 local views; the other operations change no shape.
Overrides dino_shape() {
  Overrides out{"encoder={name: vit_tiny, patch_size: 16, image_size: 96}",
                "method.head={hidden_dim: 2048, bottleneck_dim: 256, output_dim: 8192}",
                "train.batch_size=32"};
  for (const auto& [group, views, side] : {std::tuple{0, 2, 96}, std::tuple{1, 8, 48}}) {
    out.push_back(fmt::format("augmentations[{}].views={}", group, views));
    out.push_back(fmt::format("augmentations[{}].ops[0].random_resized_crop.size={}", group, side));
  }
  return out;
}

}  // namespace

extern const Case case_mae_vit_tiny16_96_b128{
    "mae_vit_tiny16_96_b128",
    "step",
    "images/s",
    "MAE step of a ViT-tiny/16 on 128 images of 96 x 96, 75 % masked, decoder of 4 blocks of 192",
    Memory::kPeak,
    [](const CaseSettings&) {
      return prepare_shape("mae",
                           {"encoder.patch_size=16",
                            "encoder.image_size=96",
                            "method.decoder={width: 192, depth: 4, heads: 3}",
                            "augmentations[0].ops[0].random_resized_crop.size=96",
                            "train.batch_size=128"});
    }};

extern const Case case_dino_vit_tiny16_96_48_b32{
    "dino_vit_tiny16_96+48_b32",
    "step",
    "images/s",
    "DINO step of a ViT-tiny/16 on 32 images, 2 views of 96 x 96 and 8 of 48 x 48, 8192 classes",
    Memory::kPeak,
    [](const CaseSettings&) { return prepare_shape("dino", dino_shape()); }};

std::vector<Case> method_cases(const std::string& wish) {
  std::vector<Case> cases;
  std::vector<std::string> names;
  for (const config::ComponentSpec* spec : methods::method_specs()) {
    const std::string name = names.emplace_back(spec->name);
    if (wish != "all" && wish != name) continue;
    cases.push_back({.name = "step_" + name,
                     .group = "step",
                     .unit = "views/s",
                     .summary = "a training step as in the method's shipped recipe",
                     .memory = Memory::kPeak,
                     .prepare = [name](const CaseSettings&) { return prepare(name); }});
  }
  if (cases.empty()) {
    const std::string near = config::nearest(wish, names);
    throw UsageError(fmt::format("bench: --method must be all or one of {}; got '{}'{}",
                                 config::join(names),
                                 wish,
                                 near.empty() ? "" : fmt::format("; did you mean {}?", near)));
  }
  return cases;
}

}  // namespace sslrun::bench
