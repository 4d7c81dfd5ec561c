#include "encoders/convnext.h"

#include "base/file.h"
#include "config/component.h"
#include "encoders/convnext_config.h"
#include "encoders/encoder_configs.h"
#include "tests/support/torch_catch.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <nlohmann/json.hpp>

#include <cmath>
#include <string>

namespace {

using namespace sslrun;
using nlohmann::json;

constexpr double kTolerance = 1e-5;  // relative to the root mean square

json golden() {
  return json::parse(read_file(std::string(SSLRUN_TEST_DIR) + "/golden/convnext.json"));
}

/// The formula of tests/golden/convnext.py.
at::Tensor wave(at::IntArrayRef shape, double ordinal) {
  const at::Tensor t = at::empty(shape, at::kDouble);
  for (std::int64_t k = 0; k < t.numel(); ++k)
    t.mutable_data_ptr<double>()[k] = std::sin(12.9898 * static_cast<double>(k) + ordinal);
  return t;
}

void set_weights(const encoders::Encoder& model, at::ScalarType type) {
  int ordinal = 0;
  for (const auto& [name, t] : model.named_state()) {
    const double scale =
        t.dim() > 1 ? 1 / std::sqrt(static_cast<double>(t.numel() / t.size(0))) : 0.5;
    const bool norm = t.dim() == 1 && name.ends_with("weight");
    t.set_data((wave(t.sizes(), ordinal++) * scale + (norm ? 1 : 0)).to(type));
  }
}

double difference(const at::Tensor& got, const json& expected, double rms) {
  const at::Tensor flat = got.detach().to(at::kDouble).flatten().contiguous();
  double worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double d = flat.data_ptr<double>()[i] - expected[i].get<double>();
    worst = std::isfinite(d) ? std::max(worst, std::abs(d) / rms) : INFINITY;
  }
  return worst;
}

}  // namespace

TEST_CASE("convnext: the sizes by name have timm's parameters", "[encoders][convnext]") {
  for (const json& f : golden()["family"]) {
    INFO(f["name"]);
    auto component =
        config::make_component(encoders::encoder_specs(), f["name"].get<std::string>());
    auto& config = dynamic_cast<encoders::ConvNeXtConfig&>(*component.config);
    CHECK(json(config.depths) == f["depths"]);
    const auto depths = config.depths;
    config.depths = {1, 1, 1, 1};  // the blocks of a stage are alike
    std::int64_t parameters = 0;
    json state;
    for (const auto& [name, t] : encoders::make_encoder(component, 0)->named_parameters()) {
      state[name] = t.sizes().vec();
      const bool block = name.find(".blocks.") != std::string::npos;
      parameters += t.numel() * (block ? depths[static_cast<std::size_t>(name[7] - '0')] : 1);
    }
    CHECK(state == f["first"]);
    CHECK(parameters == f["parameters"]);
  }
}

TEST_CASE("convnext: outputs and gradients are timm's", "[encoders][convnext]") {
  const json expected = golden()["small"];
  const auto model = encoders::make_convnext({.depths = {1, 2, 1, 1}, .width = 8}, 0);
  CHECK(model->width() == 64);
  set_weights(*model, at::kDouble);
  const at::Tensor x_NCHW = wave({2, 3, 64, 40}, 1000);
  const at::Tensor y_NF = model->forward(x_NCHW);
  const double rms = y_NF.square().mean().sqrt().item<double>();
  CHECK(difference(y_NF, expected["features"], rms) < kTolerance);
  (y_NF * wave(y_NF.sizes(), 2000)).sum().backward();
  for (const auto& [name, t] : model->named_parameters()) {
    INFO(name);
    const json& g = expected["grads"][name];
    CHECK(difference(t.grad(), g["head"], g["rms"]) < kTolerance);
    CHECK(t.grad().square().mean().sqrt().item<double>() ==
          Approx(g["rms"].get<double>()).epsilon(kTolerance));
  }
  set_weights(*model, at::kFloat);
  model->to_channels_last();
  const at::NoGradGuard no_grad;
  const at::Tensor single_NCHW = x_NCHW.to(at::kFloat).contiguous(at::MemoryFormat::ChannelsLast);
  CHECK(difference(model->forward(single_NCHW), expected["features"], rms) < kTolerance);
}

TEST_CASE("convnext: blocks start nearly as the identity, weights with deviation 0.02",
          "[encoders][convnext]") {
  const auto model = encoders::make_convnext({.depths = {1, 1, 1, 1}, .width = 32}, 5);
  for (const auto& [name, t] : model->named_parameters()) {
    INFO(name);
    if (name.ends_with("gamma")) CHECK(t.eq(1e-6f).all().item<bool>());
    if (name.ends_with("bias")) CHECK(t.eq(0).all().item<bool>());
    // Five standard errors.
    if (t.dim() > 1)
      CHECK(t.std().item<double>() ==
            Approx(0.02).epsilon(5 / std::sqrt(2.0 * static_cast<double>(t.numel()))));
  }
}
