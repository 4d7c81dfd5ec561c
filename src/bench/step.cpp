// Whole training steps on synthetic images, in float32 and, where the processor has it, in bfloat16.
#include "base/cpu.h"
#include "base/philox.h"
#include "bench/case.h"
#include "config/component.h"
#include "dist/world.h"
#include "encoders/encoder_configs.h"
#include "encoders/resnet_config.h"
#include "methods/method.h"
#include "methods/method_configs.h"
#include "methods/simclr_config.h"
#include "ops/autocast.h"
#include "ops/step.h"
#include "optim/optimizer.h"
#include "optim/optimizer_configs.h"

namespace sslrun::bench {
namespace {

constexpr std::int64_t kImages = 256, kSide = 32;
constexpr double kLr = 0.06;

/// SimCLR on a ResNet-18 with CIFAR stem, projector 512-512-128, temperature 0.5, SGD with momentum.
struct Training {
  explicit Training(ops::Precision with) : precision(with) {
    auto encoder = config::make_component(encoders::encoder_specs(), "resnet18");
    dynamic_cast<encoders::ResNetConfig&>(*encoder.config).stem = "cifar";
    auto simclr = config::make_component(methods::method_specs(), "simclr");
    auto& keys = dynamic_cast<methods::SimClrConfig&>(*simclr.config);
    keys.temperature = 0.5;
    keys.projector = {.hidden_dim = 512, .output_dim = 128};
    method = methods::make_method(simclr, encoders::make_encoder(encoder, 0), 0);
    method->to_channels_last();
    optimizer = optim::make_optimizer(config::make_component(optim::optimizer_specs(), "sgd"), method->named_parameters());
    Rng rng(0, Purpose::kView, 0, 0, 0);
    for (auto& view : pixels) {
      view.resize(static_cast<std::size_t>(kImages * kSide * kSide * 3));
      for (float& v : view) v = static_cast<float>(rng.normal());
      views.push_back(ops::images_to(view.data(), kImages, kSide, kSide, at::kCPU));
    }
  }

  void step() {
    optimizer->zero_grad();
    methods::StepResult result;
    {
      const ops::Autocast autocast(precision, at::kCPU);
      result = method->forward(views, {*world});
    }
    ops::backward(result.loss, 1.0);
    optimizer->step(kLr);
  }

  ops::Precision precision;
  std::shared_ptr<dist::World> world = dist::single_world();
  std::unique_ptr<methods::Method> method;
  std::unique_ptr<optim::Optimizer> optimizer;
  std::vector<float> pixels[2];
  std::vector<at::Tensor> views;
};

std::vector<Contender> prepare(const CaseSettings&) {
  std::vector<Contender> out;
  for (const ops::Precision precision : {ops::Precision::kBf16, ops::Precision::kFp32}) {
    if (precision == ops::Precision::kBf16 && !cpu_has_bf16()) continue;
    const auto training = std::make_shared<Training>(precision);
    out.push_back({.tool = out.empty() ? "sslrun" : "sslrun-fp32", .once = [training] { training->step(); }, .items = 2.0 * kImages});
  }
  return out;
}

}  // namespace

extern const Case case_simclr_rn18_32_b256{"simclr_rn18_32_b256", "step", "views/s",
                                           "SimCLR step of a ResNet-18 (CIFAR stem) on 256 images of 32 x 32, two views each", prepare};

}  // namespace sslrun::bench
