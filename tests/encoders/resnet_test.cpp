#include "encoders/resnet.h"

#include "base/error.h"
#include "base/file.h"
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

// Four times the largest difference measured over the cases and two processors (an AMD EPYC with
// AVX-512 and an Intel Xeon with AMX), relative to the root mean square. Batch statistics make
// resnet50 ill conditioned: on the Xeon torchvision itself is 7e-9 and 4.1e-7 from the golden values.
constexpr double kOutputTolerance = 4.4e-6;  // float32: 1.08e-6, resnet50

struct TrainTolerance {  // in float64
  double output, gradient;
};

constexpr TrainTolerance kTolerance{4e-10, 1.7e-9};     // 1e-10, 4.2e-10: resnet34
constexpr TrainTolerance kTolerance50{2.8e-8, 1.7e-6};  // 7e-9, 4.1e-7

const json& golden() {
  static const json content =
      json::parse(read_file(std::string(SSLRUN_TEST_DIR) + "/golden/resnet.json"));
  return content.at("cases");
}

void set_weights(const encoders::Encoder& model) {
  const at::NoGradGuard no_grad;
  int ordinal = 0;
  for (const auto& [name, t] : model.named_state()) {
    const at::Tensor w = test::sine(t.sizes(), ordinal++);
    if (t.dim() == 4) {
      t.copy_(w * std::sqrt(2.0 / static_cast<double>(t.numel() / t.size(0))));
    } else if (name.ends_with("num_batches_tracked")) {
      t.zero_();
    } else if (name.ends_with("weight") || name.ends_with("running_var")) {
      t.copy_(w * 0.2 + 1);
    } else {
      t.copy_(w * 0.1);
    }
  }
}

/// Largest difference from the golden numbers, relative to their root mean square.
double difference(const at::Tensor& got, const json& expected, double rms) {
  const at::Tensor flat = got.detach().flatten().to(at::kDouble).contiguous();
  double worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    worst = std::max(worst,
                     std::abs(flat.const_data_ptr<double>()[i] - expected[i].get<double>()) / rms);
  }
  return std::isfinite(flat.sum().item<double>()) ? worst : INFINITY;
}

std::unique_ptr<encoders::Encoder> make(const json& c, std::uint32_t seed) {
  return encoders::make_resnet(
      {.depth = c["depth"], .cifar_stem = c["stem"] == "cifar", .widening = c["widening"]}, seed);
}

/// The golden names, in which the third and later blocks of a stage stand for like the second.
json state_of(const json& c) {
  json state = c["state"];
  for (const auto& [name, sizes] : c["state"].items()) {
    if (!name.starts_with("layer") || name.substr(6, 3) != ".1.") continue;
    const int blocks = c["blocks"][static_cast<std::size_t>(name[5] - '1')];
    for (int i = 2; i < blocks; ++i)
      state[name.substr(0, 7) + std::to_string(i) + name.substr(8)] = sizes;
  }
  return state;
}

void check_names(const encoders::Encoder& model, const json& c) {
  std::int64_t parameters = 0;
  for (const auto& [name, t] : model.named_parameters()) parameters += t.numel();
  CHECK(parameters == c["parameters"]);
  json state;
  for (const auto& [name, t] : model.named_state()) state[name] = t.sizes().vec();
  CHECK(state == state_of(c));
}

}  // namespace

TEST_CASE("resnet: parameter counts are the published ones", "[encoders][resnet]") {
  const auto count = [](const encoders::ResNetShape& shape) {
    std::int64_t n = 0;
    for (const auto& [name, t] : encoders::make_resnet(shape, 0)->named_parameters())
      n += t.numel();
    return n;
  };
  CHECK(count({.depth = 18}) == 11'176'512);
  CHECK(count({.depth = 18, .cifar_stem = true}) == 11'168'832);
  CHECK(count({.depth = 50}) == 23'508'032);
  CHECK(encoders::make_resnet({.depth = 18, .width = 16}, 0)->width() == 128);
  CHECK(encoders::make_resnet({.depth = 50, .width = 8}, 0)->width() == 256);
  CHECK_THROWS_AS(count({.depth = 20}), UsageError);
}

TEST_CASE(
    "resnet: names and shapes of the state, outputs, gradient and running statistics are "
    "torchvision's",
    "[encoders][resnet]") {
  for (const json& c : golden()) {
    INFO("resnet" << c["depth"] << " " << c["stem"]);
    const auto model = make(c, 0);
    check_names(*model, c);
    // torchvision lists downsample after bn2 or bn3, as here, so ordinals agree.
    set_weights(*model);
    const std::int64_t size = c["size"];
    at::Tensor x_NCHW = test::sine({4, 3, size, size}, 1000).to(at::kFloat);
    const bool channels_last = c["depth"] == 34;  // one case in the other memory layout
    if (channels_last) {
      model->to_channels_last();
      x_NCHW = x_NCHW.contiguous(at::MemoryFormat::ChannelsLast);
    }
    model->train(false);
    {
      const at::NoGradGuard no_grad;
      CHECK(difference(model->forward(x_NCHW), c["eval"], c["eval_rms"]) < kOutputTolerance);
    }
    if (!c.contains("train")) continue;  // the same blocks, more or wider ones
    // Batch statistics of these smooth images are badly conditioned, so train mode is compared in
    // float64.
    for (const auto& [name, t] : model->named_state()) {
      if (t.is_floating_point()) t.set_data(t.to(at::kDouble));
    }
    set_weights(*model);
    x_NCHW = test::sine({4, 3, size, size}, 1000);
    model->train();
    const at::Tensor y_NF = model->forward(x_NCHW);
    const TrainTolerance& tolerance = c["depth"] == 50 ? kTolerance50 : kTolerance;
    CHECK(difference(y_NF, c["train"], c["train_rms"]) < tolerance.output);
    (y_NF * test::sine(y_NF.sizes(), 2000)).sum().backward();
    for (const auto& [name, t] : model->named_parameters()) {
      if (name != "conv1.weight") continue;
      CHECK(difference(t.grad().contiguous(), c["conv1_grad"], c["conv1_grad_rms"]) <
            tolerance.gradient);
    }
    for (const auto& [name, t] : model->named_buffers()) {
      if (name == "bn1.running_mean") CHECK(difference(t, c["running_mean"], 1) < 1e-5);
      if (name == "bn1.running_var") CHECK(difference(t, c["running_var"], 1) < 1e-5);
      if (name == "bn1.num_batches_tracked") CHECK(t.item<std::int64_t>() == 1);
    }
  }
}

TEST_CASE(
    "resnet: starting weights follow the seed and He's rule, and blocks start as the identity",
    "[encoders][resnet]") {
  const auto a = encoders::make_resnet({.depth = 18}, 1),
             same = encoders::make_resnet({.depth = 18}, 1);
  const auto other = encoders::make_resnet({.depth = 18, .zero_init_residual = false}, 2);
  const nn::NamedTensors pa = a->named_parameters(), ps = same->named_parameters(),
                         po = other->named_parameters();
  for (std::size_t i = 0; i < pa.size(); ++i) {
    const auto& [name, t] = pa[i];
    INFO(name);
    CHECK(t.equal(ps[i].second));
    if (t.dim() == 4) {
      CHECK(!t.equal(po[i].second));
      const double expected = std::sqrt(2.0 / static_cast<double>(t.numel() / t.size(1)));
      const double tolerance =
          5 / std::sqrt(2.0 * static_cast<double>(t.numel()));  // five standard errors
      CHECK(t.std().item<double>() == Approx(expected).epsilon(tolerance));
    }
    if (name.find("bn2.weight") != std::string::npos) {
      CHECK(t.abs().max().item<float>() == 0);
      CHECK(po[i].second.min().item<float>() == 1);
    }
  }
}
