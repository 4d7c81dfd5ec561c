// The shipped recipe of each method, small enough for a test, and its method in training.
#pragma once
#include "data/loader.h"
#include "dist/world.h"
#include "encoders/encoder.h"
#include "encoders/resnet_config.h"
#include "encoders/vit_config.h"
#include "methods/method.h"
#include "methods/method_configs.h"
#include "methods/trained_parameters.h"
#include "nn/randomness.h"
#include "ops/step.h"
#include "ops/threads.h"
#include "optim/optimizer.h"
#include "optim/optimizer_configs.h"
#include "recipe/load.h"
#include "train/view_path.h"

#include <ATen/TensorOperators.h>

#include <memory>
#include <string>
#include <vector>

namespace sslrun::test {

inline constexpr std::int64_t kImages = 8, kStepsPerEpoch = 2, kBatches = 3;

struct Batch {
  std::vector<at::Tensor> views, targets;
  std::vector<std::int64_t> samples;
  at::Tensor labels;

  /// What one of `size` ranks has of it.
  Batch part(std::int64_t rank, std::int64_t size) const {
    const std::int64_t images = kImages / size, first = rank * images;
    Batch out;
    for (const at::Tensor& view : views) {
      const std::int64_t pictures = view.size(0) / kImages;
      out.views.push_back(view.narrow(0, first * pictures, images * pictures));
    }
    for (const at::Tensor& target : targets) out.targets.push_back(target.narrow(0, first, images));
    out.samples.assign(samples.begin() + first, samples.begin() + first + images);
    out.labels = labels.narrow(0, first, images);
    return out;
  }
};

/// configs/<name>.yaml on drawn images, a very small encoder of the kind it names, and the first
/// batches of its run.
struct Setting {
  explicit Setting(const std::string& method, const std::vector<std::string>& overrides = {})
      : name(method), loaded(load(method, overrides)), data(recipe::open_data(loaded)) {
    auto* const resnet = dynamic_cast<encoders::ResNetConfig*>(loaded.recipe.encoder.config.get());
    if (resnet != nullptr) resnet->width = 4;
    auto* const vit = dynamic_cast<encoders::VitConfig*>(loaded.recipe.encoder.config.get());
    if (vit != nullptr) vit->depth = 2;
    const views::Pipeline pipeline(loaded.recipe.augmentations, 0, 3);
    const auto path = train::make_cpu_path(pipeline, at::kCPU);
    data::Loader loader(
        *data.train, data::Sampler(0, data.train->size(), kImages), path->work(), {});
    for (std::int64_t b = 0; b < kBatches; ++b) {
      const data::Batch& read = loader.next();
      path->load(read);
      Batch& batch = batches.emplace_back();
      for (std::int64_t v = 0; v < pipeline.num_views(); ++v) {
        batch.views.push_back(path->view(v, 0, kImages).clone());
        const auto& classes = read.targets[std::size_t(v)];
        batch.targets.push_back(
            ops::classes_to(classes.data(), kImages, pipeline.form(v).targets, at::kCPU).clone());
      }
      batch.samples = read.samples;
      batch.labels = ops::classes_to(read.labels.data(), kImages, 1, at::kCPU).view({-1}).clone();
    }
  }

  static recipe::LoadedRecipe load(const std::string& method, std::vector<std::string> overrides) {
    overrides.push_back("data.train=synthetic:" + std::to_string(kImages * kStepsPerEpoch) + "x40");
    overrides.push_back("train.batch_size=" + std::to_string(kImages));
    return recipe::load_recipe(SSLRUN_TEST_DIR "/../configs/" + method + ".yaml", overrides);
  }

  std::vector<Batch> first_epoch() const {
    return {batches.begin(), batches.begin() + kStepsPerEpoch};
  }

  std::string name;
  recipe::LoadedRecipe loaded;
  recipe::OpenedData data;
  std::vector<Batch> batches;
};

/// A shipped method in training, by one rank of a world.
struct Run {
  explicit Run(const Setting& setting,
               std::uint32_t with = 1,
               dist::World& among = *dist::single_world())
      : world(among),
        seed(with),
        method(methods::make_method(setting.loaded.recipe.method,
                                    {.make_encoder =
                                         [&setting, with] {
                                           return encoders::make_encoder(
                                               setting.loaded.recipe.encoder, with);
                                         },
                                     .seed = with,
                                     .train_images = kImages * kStepsPerEpoch})) {
    make_optimizer();
  }

  void make_optimizer() {
    optimizer = optim::make_optimizer(config::make_component(optim::optimizer_specs(), "sgd"),
                                      methods::trained_parameters(*method, {}, kStepsPerEpoch));
  }

  /// Steps in which the optimizer does nothing: some methods only collect in their first epoch.
  void watch(const std::vector<Batch>& epoch) {
    for (const Batch& batch : epoch) {
      method->before_step(progress);
      forward(batch);
      method->after_step(progress);
      ++progress.step;
    }
  }

  double step(const Batch& batch, double lr = 0.05) {
    method->before_step(progress);
    const double loss = move(batch, lr, method->following(progress));
    method->after_step(progress);
    ++progress.step;
    return loss;
  }

  /// A step in which momentum networks and queues stay as they are.
  double move(const Batch& batch, double lr, const nn::Following& following = {}) {
    optimizer->zero_grad();
    result = forward(batch);
    ops::backward(result.loss, 1.0);
    if (world.size() > 1) average_gradients();
    optimizer->step(lr, following);
    return ops::value(result.loss);
  }

  methods::StepResult forward(const Batch& batch) {
    const nn::Randomness randomness(seed, progress.epoch(), batch.samples);
    return method->forward(batch.views,
                           {world, progress, batch.samples, batch.targets, batch.labels, diagnose});
  }

  void average_gradients() {
    for (const auto& [name, tensor] : method->named_parameters()) {
      const at::Tensor& gradient = tensor.grad();
      gradient.copy_(world.all_reduce_sum(gradient) / static_cast<double>(world.size()));
    }
  }

  dist::World& world;
  std::uint32_t seed;
  std::unique_ptr<methods::Method> method;
  std::unique_ptr<optim::Optimizer> optimizer;
  methods::Progress progress{0, 100, kStepsPerEpoch};
  bool diagnose = false;
  methods::StepResult result;  // of the last step
};

/// One thread: these networks are too small to share out.
inline std::vector<std::string> names() {
  ops::use_threads(1);
  std::vector<std::string> out;
  for (const config::ComponentSpec* spec : methods::method_specs()) out.emplace_back(spec->name);
  return out;
}

}  // namespace sslrun::test
