// What every registered method promises, whatever it computes.
#include "data/loader.h"
#include "dist/world.h"
#include "encoders/encoder.h"
#include "encoders/resnet_config.h"
#include "encoders/vit_config.h"
#include "methods/method.h"
#include "methods/method_config.h"
#include "methods/method_configs.h"
#include "methods/trained_parameters.h"
#include "nn/randomness.h"
#include "ops/step.h"
#include "ops/threads.h"
#include "optim/optimizer.h"
#include "optim/optimizer_configs.h"
#include "recipe/load.h"
#include "tests/support/torch_catch.h"
#include "train/view_path.h"

#include <string>
#include <vector>

namespace {

using namespace sslrun;

constexpr std::int64_t kImages = 8, kStepsPerEpoch = 2, kBatches = 3;

struct Batch {
  std::vector<at::Tensor> views, targets;
  std::vector<std::int64_t> samples;
  at::Tensor labels;
};

/// configs/<name>.yaml on drawn images, a very small encoder of the kind it names, and the first
/// batches of its run.
struct Setting {
  explicit Setting(const std::string& name)
      : loaded(recipe::load_recipe(
            SSLRUN_TEST_DIR "/../configs/" + name + ".yaml",
            std::vector<std::string>{
                "data.train=synthetic:" + std::to_string(kImages * kStepsPerEpoch) + "x40",
                "train.batch_size=" + std::to_string(kImages)})),
        data(recipe::open_data(loaded)) {
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

  recipe::LoadedRecipe loaded;
  recipe::OpenedData data;
  std::vector<Batch> batches;
};

/// A shipped method in training.
struct Run {
  explicit Run(const Setting& setting, std::uint32_t with = 1)
      : seed(with),
        method(methods::make_method(setting.loaded.recipe.method,
                                    {.make_encoder =
                                         [&setting, with] {
                                           return encoders::make_encoder(
                                               setting.loaded.recipe.encoder, with);
                                         },
                                     .seed = with,
                                     .train_images = kImages * kStepsPerEpoch})),
        optimizer(optim::make_optimizer(config::make_component(optim::optimizer_specs(), "sgd"),
                                        methods::trained_parameters(*method, {}, kStepsPerEpoch))) {
  }

  double step(const Batch& batch, double lr = 0.05) {
    method->before_step(progress);
    const double loss = move(batch, lr);
    method->after_step(progress);
    ++progress.step;
    return loss;
  }

  /// A step in which momentum networks and queues stay as they are.
  double move(const Batch& batch, double lr) {
    optimizer->zero_grad();
    const auto world = dist::single_world();
    const nn::Randomness randomness(seed, progress.epoch(), batch.samples);
    const methods::StepResult result = method->forward(
        batch.views, {*world, progress, batch.samples, batch.targets, batch.labels});
    ops::backward(result.loss, 1.0);
    optimizer->step(lr);
    return ops::value(result.loss);
  }

  std::uint32_t seed;
  std::unique_ptr<methods::Method> method;
  std::unique_ptr<optim::Optimizer> optimizer;
  methods::Progress progress{0, 100, kStepsPerEpoch};
};

/// One thread: these networks are too small to share out.
std::vector<std::string> names() {
  ops::use_threads(1);
  std::vector<std::string> out;
  for (const config::ComponentSpec* spec : methods::method_specs()) out.emplace_back(spec->name);
  return out;
}

/// What evaluation loads by its name is the encoder that the method says.
void check_evaluated(const Setting& setting, const methods::Method& method) {
  const auto& config =
      dynamic_cast<const methods::MethodConfig&>(*setting.loaded.recipe.method.config);
  const std::string prefix = std::string(config.evaluated()) + ".";
  nn::NamedTensors named;
  for (const auto& [name, tensor] : method.named_state())
    if (name.starts_with(prefix)) named.emplace_back(name.substr(prefix.size()), tensor);
  const nn::NamedTensors own = method.evaluated().named_state();
  REQUIRE(named.size() == own.size());
  for (std::size_t i = 0; i < own.size(); ++i) {
    CHECK(named[i].first == own[i].first);
    CHECK(named[i].second.is_same(own[i].second));
  }
}

}  // namespace

TEST_CASE("every method: twenty steps against the same targets lower the loss",
          "[contract][methods]") {
  for (const std::string& name : names()) {
    INFO(name);
    const Setting setting(name);
    const Batch& batch = setting.batches[0];
    Run run(setting);
    const double first = run.move(batch, 0.05);
    double last = first;
    for (int i = 0; i < 20; ++i) last = run.move(batch, 0.05);
    CHECK(last < 0.9 * first);
  }
}

TEST_CASE("every method: the same seed gives the same bits, another seed others",
          "[contract][methods]") {
  for (const std::string& name : names()) {
    INFO(name);
    const Setting setting(name);
    const Batch& batch = setting.batches[0];
    Run a(setting, 1), b(setting, 1), other(setting, 2);
    for (int i = 0; i < 3; ++i) {
      const double loss = a.step(batch);
      CHECK(loss == b.step(batch));
      CHECK(loss != other.step(batch));
    }
  }
}

TEST_CASE("every method: its saved state goes on with the same bits", "[contract][methods]") {
  for (const std::string& name : names()) {
    INFO(name);
    const Setting setting(name);
    Run run(setting), resumed(setting);  // of one recipe, so of one seed
    const Batch &first = setting.batches[0], &second = setting.batches[1],
                &other = setting.batches[2];
    resumed.step(other);
    run.step(first);
    run.step(second);
    nn::load_state(*resumed.method, run.method->named_state());
    resumed.optimizer->load_state(run.optimizer->state());
    resumed.progress = run.progress;
    for (int i = 0; i < 3; ++i) {
      CHECK(run.step(first) == resumed.step(first));
      CHECK(run.step(second) == resumed.step(second));
    }
  }
}

TEST_CASE(
    "every method: its state names the encoders' tensors, every parameter gets a gradient and no "
    "frozen weight does",
    "[contract][methods]") {
  for (const std::string& name : names()) {
    INFO(name);
    const Setting setting(name);
    Run run(setting);
    run.step(setting.batches[0], 0.0);
    std::size_t of_the_encoder = 0;
    for (const auto& [parameter, tensor] : run.method->named_parameters()) {
      INFO(parameter);
      of_the_encoder += parameter.starts_with("encoder.");
      CHECK(tensor.grad().defined());
    }
    CHECK(of_the_encoder == run.method->encoder().named_parameters().size());
    for (const auto& [weight, tensor] : run.method->named_weights()) {
      INFO(weight);
      CHECK((tensor.requires_grad() || !tensor.grad().defined()));
    }
    check_evaluated(setting, *run.method);
  }
}
