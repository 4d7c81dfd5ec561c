// Whole training steps on synthetic images, in float32 and, where the processor has it, in
// bfloat16.
#include "bench/step.h"

#include "base/cpu.h"
#include "base/philox.h"
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
#include "optim/sgd_config.h"

#include <torch/version.h>

#include <memory>

namespace sslrun::bench {
namespace {

constexpr double kLr = 0.06;

/// SimCLR on a ResNet-18 with CIFAR stem, projector 512-512-128, temperature 0.5, SGD with
/// momentum.
struct Training {
  Training(ops::Precision with, const StepShape& shape) : precision(with) {
    auto encoder = config::make_component(encoders::encoder_specs(), "resnet18");
    auto& resnet = dynamic_cast<encoders::ResNetConfig&>(*encoder.config);
    resnet.stem = "cifar";
    resnet.width = shape.width;
    auto simclr = config::make_component(methods::method_specs(), "simclr");
    auto& keys = dynamic_cast<methods::SimClrConfig&>(*simclr.config);
    keys.temperature = 0.5;
    keys.projector = {.hidden_dim = 512, .output_dim = 128};
    method = methods::make_method(
        simclr, {.make_encoder = [&] { return encoders::make_encoder(encoder, 0); }});
    method->to_channels_last();
    auto sgd = config::make_component(optim::optimizer_specs(), "sgd");
    dynamic_cast<optim::SgdConfig&>(*sgd.config).weight_decay = 5e-4;
    optimizer = optim::make_optimizer(sgd, method->named_parameters());
    Rng rng(0, Purpose::kProbe, 0, 0, 0);
    for (auto& view : pixels) {
      view.resize(static_cast<std::size_t>(shape.images * shape.side * shape.side * 3));
      for (float& v : view) v = static_cast<float>(rng.normal());
      views.push_back(
          ops::images_to(view.data(), shape.images, shape.side, shape.side, 3, at::kCPU));
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

Prepared prepare(const CaseSettings&) {
  return prepare_simclr_step({});
}

}  // namespace

Prepared prepare_simclr_step(const StepShape& shape) {
  Prepared out{.contenders = {}, .note = "", .versions = {{"libtorch", TORCH_VERSION}}};
  for (const ops::Precision precision : {ops::Precision::kBf16, ops::Precision::kFp32}) {
    const bool fast = precision == ops::Precision::kBf16;
    if (fast && !cpu_has_bf16()) continue;
    const auto training = std::make_shared<Training>(precision, shape);
    out.contenders.push_back({.tool = "sslrun",
                              .suffix = out.contenders.empty() ? "" : "_fp32",
                              .once = [training] { training->step(); },
                              .items = 2.0 * static_cast<double>(shape.images)});
  }
  out.note = cpu_has_bf16() ? "bf16; _fp32 is the same in float32"
                            : "fp32: this processor has no bfloat16 products";
  return out;
}

extern const Case case_simclr_rn18_32_b256{
    "simclr_rn18_32_b256",
    "step",
    "views/s",
    "SimCLR step of a ResNet-18 (CIFAR stem) on 256 images of 32 x 32, two views each",
    Memory::kPeak,
    prepare};

}  // namespace sslrun::bench
