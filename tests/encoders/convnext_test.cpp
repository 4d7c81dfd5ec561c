#include "encoders/convnext.h"

#include "base/file.h"
#include "config/component.h"
#include "encoders/convnext_config.h"
#include "encoders/encoder_configs.h"
#include "tests/support/sine.h"
#include "tests/support/torch_catch.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <nlohmann/json.hpp>

#include <cmath>
#include <string>

namespace {

using namespace sslrun;
using nlohmann::json;

// Relative to the root mean square, four times the largest measured: 5.3e-7 in float32; 0 in float64.
constexpr double kTolerance = 2.2e-6;

json golden() {
  return json::parse(read_file(std::string(SSLRUN_TEST_DIR) + "/golden/convnext.json"));
}

void set_weights(const encoders::Encoder& model, at::ScalarType type) {
  int ordinal = 0;
  for (const auto& [name, t] : model.named_state()) {
    const double scale =
        t.dim() > 1 ? 1 / std::sqrt(static_cast<double>(t.numel() / t.size(0))) : 0.5;
    const bool norm = t.dim() == 1 && name.ends_with("weight");
    t.set_data((test::sine(t.sizes(), ordinal++) * scale + (norm ? 1 : 0)).to(type));
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
  const at::Tensor x_NCHW = test::sine({2, 3, 64, 40}, 1000);
  const at::Tensor y_NF = model->forward(x_NCHW);
  const double rms = y_NF.square().mean().sqrt().item<double>();
  CHECK(difference(y_NF, expected["features"], rms) < kTolerance);
  (y_NF * test::sine(y_NF.sizes(), 2000)).sum().backward();
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
