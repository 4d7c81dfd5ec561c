// What every registered method promises, whatever it computes.
#include "base/philox.h"
#include "dist/world.h"
#include "encoders/encoder_configs.h"
#include "encoders/resnet_config.h"
#include "methods/method.h"
#include "methods/method_configs.h"
#include "ops/step.h"
#include "ops/threads.h"
#include "optim/optimizer.h"
#include "optim/optimizer_configs.h"
#include "recipe/load.h"
#include "tests/support/torch_catch.h"

#include <string>
#include <vector>

namespace {

using namespace sslrun;

constexpr std::int64_t kImages = 8, kSide = 12;

/// Two views of kImages images: the image's own colour and slope, with noise that differs between
/// the views.
struct Batch {
  explicit Batch(std::uint32_t seed) {
    for (std::uint32_t view = 0; view < 2; ++view) {
      pixels.emplace_back(static_cast<std::size_t>(kImages * kSide * kSide * 3));
      Rng noise(seed, Purpose::kView, 0, 0, view);
      for (std::size_t i = 0; i < pixels.back().size(); ++i) {
        const std::size_t image = i / (kSide * kSide * 3), channel = i % 3;
        const double colour = (image >> channel) % 2 == 0 ? 1 : -1;
        pixels.back()[i] = static_cast<float>(colour + 0.3 * noise.normal());
      }
    }
    for (std::int64_t i = 0; i < kImages; ++i) samples.push_back(i);
    for (const auto& view : pixels)
      views.push_back(ops::images_to(view.data(), kImages, kSide, kSide, 3, at::kCPU));
  }

  std::vector<std::vector<float>> pixels;
  std::vector<at::Tensor> views;
  std::vector<std::int64_t> samples;
};

/// The method of configs/<name>.yaml, which has a head that a test can afford.
config::NamedComponent shipped_method(std::string_view name) {
  const std::string path = SSLRUN_TEST_DIR "/../configs/" + std::string(name) + ".yaml";
  const std::string data = "data.train=" SSLRUN_TEST_DIR;
  return recipe::load_recipe(path, std::vector{data}).recipe.method;
}

/// A shipped method on a very small encoder.
struct Run {
  explicit Run(std::string_view name, std::uint32_t seed = 1)
      : method(methods::make_method(shipped_method(name),
                                    {.make_encoder = [seed] { return small_encoder(seed); },
                                     .seed = seed,
                                     .train_images = kImages})),
        optimizer(optim::make_optimizer(config::make_component(optim::optimizer_specs(), "sgd"),
                                        method->named_parameters())) {}

  static std::unique_ptr<encoders::Encoder> small_encoder(std::uint32_t seed) {
    auto encoder = config::make_component(encoders::encoder_specs(), "resnet18");
    auto& config = dynamic_cast<encoders::ResNetConfig&>(*encoder.config);
    config.stem = "cifar";
    config.width = 4;
    return encoders::make_encoder(encoder, seed);
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
    const methods::StepResult result =
        method->forward(batch.views, {*world, progress, batch.samples});
    ops::backward(result.loss, 1.0);
    optimizer->step(lr);
    return ops::value(result.loss);
  }

  std::unique_ptr<methods::Method> method;
  std::unique_ptr<optim::Optimizer> optimizer;
  methods::Progress progress{0, 100};
};

/// One thread: these networks are too small to share out.
std::vector<std::string_view> names() {
  ops::use_threads(1);
  std::vector<std::string_view> out;
  for (const config::ComponentSpec* spec : methods::method_specs()) out.push_back(spec->name);
  return out;
}

}  // namespace

TEST_CASE("every method: twenty steps against the same targets lower the loss",
          "[contract][methods]") {
  for (const auto name : names()) {
    INFO(name);
    const Batch batch(3);
    Run run(name);
    const double first = run.move(batch, 0.05);
    double last = first;
    for (int i = 0; i < 20; ++i) last = run.move(batch, 0.05);
    CHECK(last < 0.9 * first);
  }
}

TEST_CASE("every method: the same seed gives the same bits, another seed others",
          "[contract][methods]") {
  for (const auto name : names()) {
    INFO(name);
    const Batch batch(3);
    Run a(name, 1), b(name, 1), other(name, 2);
    for (int i = 0; i < 3; ++i) {
      const double loss = a.step(batch);
      CHECK(loss == b.step(batch));
      CHECK(loss != other.step(batch));
    }
  }
}

TEST_CASE("every method: its saved state goes on with the same bits", "[contract][methods]") {
  for (const auto name : names()) {
    INFO(name);
    Run run(name), resumed(name);  // of one recipe, so of one seed
    const Batch first(3), second(4), other(5);
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
    "every method: its state names the encoder's tensors as encoder.*, and every parameter gets a "
    "gradient",
    "[contract][methods]") {
  for (const auto name : names()) {
    INFO(name);
    Run run(name);
    run.step(Batch(3), 0.0);
    std::size_t of_the_encoder = 0;
    for (const auto& [parameter, tensor] : run.method->named_parameters()) {
      INFO(parameter);
      of_the_encoder += parameter.starts_with("encoder.");
      CHECK(tensor.grad().defined());
    }
    CHECK(of_the_encoder == run.method->encoder().named_parameters().size());
  }
}
