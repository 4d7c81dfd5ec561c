// Methods on features that need no network, so that a test can write out what they compute.
#pragma once
#include "config/document.h"
#include "config/reader.h"
#include "dist/world.h"
#include "methods/method.h"
#include "methods/method_configs.h"
#include "methods/trained_parameters.h"
#include "ops/step.h"
#include "optim/optimizer.h"
#include "optim/optimizer_configs.h"
#include "recipe/recipe.h"
#include "tests/ops/golden.h"

#include <ATen/TensorOperators.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sslrun::test {

using at::Tensor;

constexpr std::int64_t kImages = 6, kFeatures = 5;

/// A linear map of the mean colour: features that a test can compute, with a weight to train.
class Colours final : public encoders::Encoder {
 public:
  Colours() : weight_FC_(register_parameter("weight", wave(kFeatures, 3, 0.2).to(at::kFloat))) {}

  Tensor forward(const Tensor& x_NCHW) const override {
    return x_NCHW.mean(at::IntArrayRef{2, 3}).matmul(weight_FC_.t());
  }

  std::int64_t width() const override { return kFeatures; }

 private:
  Tensor weight_FC_;
};

/// n pictures of one colour each, the rows of wave(n, 3, shift).
inline Tensor plain_pictures(std::int64_t n, double shift, std::int64_t side) {
  return wave(n, 3, shift)
      .to(at::kFloat)
      .view({n, 3, 1, 1})
      .expand({n, 3, side, side})
      .contiguous();
}

using State = std::map<std::string, Tensor>;
using MakeEncoder = std::function<std::unique_ptr<encoders::Encoder>()>;

/// A method with its keys from `yaml`, on a view of kImages images for each side in pixels.
struct Setting {
  explicit Setting(
      const std::string& yaml,
      const std::vector<std::int64_t>& sides = {2, 2},
      const MakeEncoder& make_encoder = [] { return std::make_unique<Colours>(); }) {
    config::NamedComponent component;
    config::read(config::parse_document("test", "method: " + yaml, {}), [&](config::Fields& f) {
      f.component("method", "name", component, methods::method_specs(), "method");
    });
    method = methods::make_method(
        component, {.make_encoder = make_encoder, .seed = 3, .train_images = 2 * kImages});
    for (std::size_t v = 0; v < sides.size(); ++v)
      views.push_back(plain_pictures(kImages, 0.4 + 0.3 * static_cast<double>(v), sides[v]));
    for (std::int64_t i = 0; i < kImages; ++i) samples.push_back(i);
  }

  methods::StepResult forward() {
    const auto world = dist::single_world();
    return method->forward(views,
                           {.world = *world,
                            .progress = progress,
                            .samples = samples,
                            .targets = targets,
                            .labels = labels});
  }

  double loss() { return ops::value(forward().loss); }

  /// Copies, in float64.
  State state() const {
    State out;
    for (const auto& [name, tensor] : method->named_state())
      out[name] = tensor.detach().to(at::kDouble, false, /*copy=*/true);
    return out;
  }

  /// Plain gradient descent that honours the method's rules for its parameters.
  std::unique_ptr<optim::Optimizer> optimizer() const {
    return optim::make_optimizer(
        config::make_component(optim::optimizer_specs(), "sgd"),
        methods::trained_parameters(*method, recipe::LearningRate(), progress.steps_per_epoch));
  }

  /// One step of plain gradient descent, with what belongs around it.
  void step(double lr) {
    const auto optimizer = optim::make_optimizer(
        config::make_component(optim::optimizer_specs(), "sgd"), method->named_parameters());
    method->before_step(progress);
    ops::backward(forward().loss, 1.0);
    optimizer->step(lr, method->following(progress));
    method->after_step(progress);
    ++progress.step;
  }

  std::unique_ptr<methods::Method> method;
  std::vector<Tensor> views, targets;
  std::vector<std::int64_t> samples;
  Tensor labels;
  methods::Progress progress{0, 10};
};

/// A head in float64: linears and batch norms under the numbers of torch.nn.Sequential, a ReLU where
/// a number is left out.
inline Tensor head(const State& state, const std::string& prefix, Tensor x) {
  std::int64_t last = -1;
  for (std::int64_t i = 0; i < 12; ++i) {
    const std::string part = prefix + "." + std::to_string(i) + ".";
    const auto find = [&](const char* name) {
      const auto found = state.find(part + name);
      return found == state.end() ? Tensor() : found->second;
    };
    const bool norm = find("running_mean").defined();
    if (!norm && !find("weight").defined()) continue;
    if (i > last + 1) x = x.relu();
    last = i;
    if (norm) {
      x = (x - x.mean(0)) / (x.var(0, /*unbiased=*/false) + 1e-5).sqrt();
      if (find("weight").defined()) x = x * find("weight");
    } else {
      x = x.matmul(find("weight").t());
    }
    if (find("bias").defined()) x = x + find("bias");
  }
  return x;
}

inline Tensor features(const State& state,
                       const std::string& encoder,
                       const Setting& s,
                       std::size_t view) {
  return s.views[view]
      .to(at::kDouble)
      .mean(at::IntArrayRef{2, 3})
      .matmul(state.at(encoder + ".weight").t());
}

inline Tensor unit(const Tensor& x) {
  return x / x.norm(2, {-1}, true);
}

inline Tensor cosine(const Tensor& a, const Tensor& b) {
  return (unit(a) * unit(b)).sum(1).mean();
}

}  // namespace sslrun::test
