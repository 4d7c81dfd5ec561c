#include "encoders/vit.h"

#include "base/error.h"
#include "base/file.h"
#include "config/component.h"
#include "encoders/encoder_configs.h"
#include "encoders/vit_config.h"
#include "nn/randomness.h"
#include "tests/support/sine.h"
#include "tests/support/torch_catch.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <nlohmann/json.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace {

using namespace sslrun;
using encoders::VisionTransformer;
using encoders::VitShape;
using nlohmann::json;

// Four times the largest difference measured over the cases, relative to the root mean square: 1.9e-6
// in float64 (rotary: the tables are float32 there and here), 9.3e-7 in float32.
constexpr double kTolerance = 7.5e-6;

const json& golden() {
  static const json content =
      json::parse(read_file(std::string(SSLRUN_TEST_DIR) + "/golden/vit.json"));
  return content;
}

void set_weights(VisionTransformer& model, at::ScalarType type) {
  const at::NoGradGuard no_grad;
  int ordinal = 0;
  for (const auto& [name, t] : model.named_state()) {
    const bool matrix = t.dim() > 1 && name.ends_with("weight");
    const double scale = matrix ? 1 / std::sqrt(static_cast<double>(t.numel() / t.size(0))) : 0.5;
    const bool norm = name.find("norm") != std::string::npos && name.ends_with("weight");
    t.set_data((test::sine(t.sizes(), ordinal++) * scale + (norm ? 1 : 0)).to(type));
  }
}

VitShape shape_of(const std::string& name) {
  VitShape shape{.features = 48, .depth = 2, .heads = 3, .patch_size = 4, .image_size = 16};
  if (name == "registers") {
    shape.registers = 4;
    shape.layer_scale = 0.1;
  }
  if (name == "mean") {
    shape.class_token = false;
    shape.pool = encoders::VitPool::kMean;
  }
  shape.swiglu = name == "swiglu";
  if (name == "rotary") shape.positions = encoders::VitPositions::kRotary;
  if (name == "relative") {
    shape.positions = encoders::VitPositions::kRelative;
    shape.layer_scale = 0.1;
    shape.pool = encoders::VitPool::kMean;
  }
  return shape;
}

std::unique_ptr<VisionTransformer> make(const VitShape& shape, at::ScalarType type = at::kDouble) {
  nn::Init init(0);
  auto model = std::make_unique<VisionTransformer>(shape, init);
  set_weights(*model, type);
  return model;
}

std::vector<double> numbers(const at::Tensor& t) {
  const at::Tensor flat = t.detach().to(at::kDouble).flatten().contiguous();
  return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

/// Largest difference from the golden numbers, relative to rms.
double difference(const at::Tensor& got, const json& expected, double rms) {
  const std::vector<double> values = numbers(got);
  REQUIRE(values.size() >= expected.size());
  double worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    worst = std::max(worst, std::abs(values[i] - expected[i].get<double>()) / rms);
  return std::isfinite(got.sum().item<double>()) ? worst : INFINITY;
}

double difference(const at::Tensor& got, const json& expected) {
  double squares = 0;
  for (const json& v : expected) squares += std::pow(v.get<double>(), 2);
  REQUIRE(static_cast<std::size_t>(got.numel()) == expected.size());
  return difference(got, expected, std::sqrt(squares / static_cast<double>(expected.size())));
}

at::Tensor image(const json& size) {
  return test::sine({2, 3, size[0], size[1]}, 1000);
}

std::int64_t count(const nn::NamedTensors& tensors) {
  std::int64_t n = 0;
  for (const auto& [name, t] : tensors) n += t.numel();
  return n;
}

encoders::VitConfig& config_of(config::NamedComponent& component) {
  return dynamic_cast<encoders::VitConfig&>(*component.config);
}

std::unique_ptr<encoders::Encoder> build(const config::NamedComponent& component,
                                         std::uint32_t seed = 0) {
  return encoders::make_encoder(component, seed);
}

}  // namespace

TEST_CASE("vit: the sizes by name have timm's parameters", "[encoders][vit]") {
  for (const json& f : golden()["family"]) {
    const std::string name = f["name"];
    INFO(name);
    auto component = config::make_component(encoders::encoder_specs(), name);
    encoders::VitConfig& config = config_of(component);
    CHECK(config.default_depth == f["depth"]);
    CHECK(config.default_heads == f["heads"]);
    config.patch = f["patch"];
    config.depth = 1;  // all blocks are alike
    const auto model = build(component);
    json expected = f["rest"];
    for (const auto& [inner, sizes] : f["block"].items()) expected["blocks.0." + inner] = sizes;
    json got;
    std::int64_t rest = 0, block = 0;
    for (const auto& [inner, t] : model->named_parameters()) {
      got[inner] = t.sizes().vec();
      (inner.starts_with("blocks.") ? block : rest) += t.numel();
    }
    CHECK(got == expected);
    CHECK(rest + config.default_depth * block == f["parameters"]);
  }
}

TEST_CASE("vit: parameter counts are the published ones", "[encoders][vit]") {
  const auto parameters = [](const std::string& name, const auto& change) {
    auto component = config::make_component(encoders::encoder_specs(), name);
    change(config_of(component));
    return count(build(component)->named_parameters());
  };
  CHECK(parameters("vit_tiny", [](auto&) {}) == 5'524'416);
  CHECK(parameters("vit_small", [](auto&) {}) == 21'665'664);
  CHECK(parameters("vit_small", [](auto& c) { c.patch = 4, c.image_size = 32; }) == 21'338'496);
  // facebookresearch/mae: 85,798,656 less the positions, which are fixed.
  CHECK(parameters("vit_base", [](auto& c) { c.positions = "sincos"; }) == 85'798'656 - 197 * 768);
}

TEST_CASE("vit: names, outputs and gradients are timm's", "[encoders][vit]") {
  for (const json& c : golden()["cases"]) {
    const std::string name = c["name"];
    INFO(name);
    const auto model = make(shape_of(name));
    json state;
    for (const auto& [inner, t] : model->named_state()) state[inner] = t.sizes().vec();
    CHECK(state == c["state"]);
    const at::Tensor y_ND = model->forward(image(c["size"]));
    CHECK(difference(y_ND, c["features"]) < kTolerance);
    (y_ND * test::sine(y_ND.sizes(), 2000)).sum().backward();
    for (const auto& [inner, t] : model->named_parameters()) {
      INFO(inner);
      REQUIRE(t.grad().defined());
      const json& expected = c["grads"][inner];
      // The first quarter of the keys' bias has no gradient in exact arithmetic, and rounding is all
      // that the rest of it adds: compare with the whole tensor's size.
      CHECK(difference(t.grad(), expected["head"], expected["rms"]) < kTolerance);
      CHECK(t.grad().square().mean().sqrt().item<double>() ==
            Approx(expected["rms"].get<double>()).epsilon(kTolerance));
    }
    const auto single = make(shape_of(name), at::kFloat);
    const at::NoGradGuard no_grad;
    CHECK(difference(single->forward(image(c["size"]).to(at::kFloat)), c["features"]) < kTolerance);
  }
}

TEST_CASE(
    "vit: mask tokens replace embeddings before positions, and a part of the patches has theirs",
    "[encoders][vit]") {
  const json& expected = golden()["partial"];
  const auto model = make(shape_of("plain"));
  const at::Tensor x_NCHW = image({16, 16});
  const at::Tensor mask_NM = at::arange(32).view({2, 16}).remainder(5).eq(1);
  const at::Tensor masked = model->tokens(x_NCHW, mask_NM, test::sine({48}, 3000));
  CHECK(masked.sizes().vec() == std::vector<std::int64_t>{2, 17, 48});
  CHECK(difference(masked.slice(1, 0, 17, 3), expected["masked"]) < kTolerance);
  std::vector<std::int64_t> keep;
  for (const json& row : expected["keep"])
    for (const json& patch : row) keep.push_back(patch);
  const at::Tensor keep_NK = at::tensor(keep, at::kLong).view({2, 4});
  CHECK(difference(model->tokens_of(x_NCHW, keep_NK), expected["kept"]) < kTolerance);
}

TEST_CASE("vit: patches go through the blocks in any order, whatever the positions",
          "[encoders][vit]") {
  const at::Tensor order =
      at::tensor({5, 3, 0, 15, 1, 2, 4, 14, 13, 6, 12, 7, 11, 8, 10, 9}, at::kLong);
  for (const auto positions : {encoders::VitPositions::kLearned,
                               encoders::VitPositions::kSinCos,
                               encoders::VitPositions::kRotary,
                               encoders::VitPositions::kRelative}) {
    VitShape shape = shape_of("registers");
    shape.positions = positions;
    const auto model = make(shape);
    const at::Tensor x_NCHW = image({16, 16});
    const at::Tensor all = model->tokens(x_NCHW);
    const at::Tensor some = model->tokens_of(x_NCHW, order.expand({2, 16}));
    CHECK(model->prefix() == 5);
    const at::Tensor expected = all.slice(1, 5).index_select(1, order);
    CHECK((some.slice(1, 5) - expected).abs().max().item<double>() < 1e-12);
    CHECK((some.slice(1, 0, 5) - all.slice(1, 0, 5)).abs().max().item<double>() < 1e-12);
    CHECK(model->forward(x_NCHW).equal(all.select(1, 0)));
  }
}

TEST_CASE("vit: fixed positions are no parameter, a frozen patch embedding is not trained",
          "[encoders][vit]") {
  VitShape shape = shape_of("plain");
  shape.positions = encoders::VitPositions::kSinCos;
  shape.freeze_patch_embed = true;
  nn::Init init(0);
  VisionTransformer model(shape, init);
  for (const auto& [name, t] : model.named_parameters()) {
    CHECK(name != "pos_embed");
    CHECK(!name.starts_with("patch_embed"));
  }
  for (const auto& [name, t] : model.named_state()) {
    if (name != "pos_embed") continue;
    CHECK(t.select(1, 0).abs().max().item<double>() == 0);  // of the class token
    CHECK(t.select(1, 2).equal(nn::sincos_positions(4, 4, 48).select(0, 1).unsqueeze(0)));
  }
}

TEST_CASE("vit: layers are the embeddings, each block and the rest", "[encoders][vit]") {
  nn::Init init(0);
  const VisionTransformer model({.features = 48, .depth = 11, .heads = 3, .registers = 1}, init);
  CHECK(model.num_layers() == 13);
  for (const auto& [name, t] : model.named_parameters()) {
    INFO(name);
    const std::int64_t expected = name.starts_with("blocks.10.")  ? 11
                                  : name.starts_with("blocks.1.") ? 2
                                  : name.starts_with("norm.")     ? 12
                                                                  : model.layer_of(name);
    CHECK(model.layer_of(name) == expected);
  }
  CHECK(model.layer_of("rel_pos_bias.relative_position_bias_table") == 12);  // as in SimMIM
  for (const char* name : {"cls_token", "reg_token", "pos_embed", "patch_embed.proj.weight"})
    CHECK(model.layer_of(name) == 0);
}

TEST_CASE("vit: starting values are those of the official codes", "[encoders][vit]") {
  const auto deviation = [](const std::string& init, const std::string& wanted) {
    auto component = config::make_component(encoders::encoder_specs(), "vit_tiny");
    config_of(component).init = init;
    config_of(component).depth = 2;
    const auto model = build(component, 3);
    for (const auto& [name, t] : model->named_parameters())
      if (name == wanted) return t.std().item<double>();
    FAIL("no parameter " << wanted);
    return 0.0;
  };
  // Uniform in +-b has the deviation b / sqrt(3); five standard errors of 110,592 values are 1.1 %,
  // of 192 values 26 %.
  const auto xavier = [](double inputs, double outputs) {
    return std::sqrt(2 / (inputs + outputs));
  };
  const double framework = 1 / std::sqrt(3 * 768.0);
  const auto near = [](double value, double tolerance = 0.011) {
    return Approx(value).epsilon(tolerance);
  };
  const std::string qkv = "blocks.1.attn.qkv.weight", proj = "blocks.1.attn.proj.weight",
                    fc2 = "blocks.0.mlp.fc2.weight", patch = "patch_embed.proj.weight";
  CHECK(deviation("dino", qkv) == near(0.02));
  CHECK(deviation("dino", patch) == near(framework));
  CHECK(deviation("dino", "cls_token") == near(0.02, 0.26));
  CHECK(deviation("dino", "pos_embed") == near(0.02));
  CHECK(deviation("dino", "blocks.0.attn.proj.bias") == 0);
  CHECK(deviation("dinov2", "cls_token") == near(1e-6, 0.26));
  CHECK(deviation("mae", qkv) == near(xavier(192, 576)));
  CHECK(deviation("mae", patch) == near(xavier(768, 192)));
  CHECK(deviation("mae", "cls_token") == near(0.02, 0.26));
  CHECK(deviation("mae", "patch_embed.proj.bias") == near(framework, 0.26));
  CHECK(deviation("mocov3", qkv) == near(xavier(192, 192)));
  CHECK(deviation("mocov3", "cls_token") == near(1e-6, 0.26));
  CHECK(deviation("mocov3", "patch_embed.proj.bias") == 0);
  CHECK(deviation("ijepa", patch) == near(0.02));
  CHECK(deviation("ijepa", proj) == near(0.02 / 2, 0.02));
  CHECK(deviation("ijepa", fc2) == near(0.02 / std::sqrt(2), 0.02));
  CHECK(deviation("ijepa", qkv) == near(0.02));
}

TEST_CASE("vit: residual branches are dropped in train mode alone, more of them with depth",
          "[encoders][vit]") {
  VitShape shape = shape_of("plain");
  shape.drop_path = 0.9;
  const auto model = make(shape);
  const auto plain = make(shape_of("plain"));
  const at::Tensor x_NCHW = image({16, 16});
  const std::vector<std::int64_t> samples = {4, 7};
  at::Tensor dropped;
  {
    const nn::Randomness randomness(1, 0, samples);
    dropped = model->forward(x_NCHW);
  }
  CHECK(!dropped.equal(plain->forward(x_NCHW)));
  model->train(false);
  CHECK(model->forward(x_NCHW).equal(plain->forward(x_NCHW)));
}

TEST_CASE("vit: relative positions take smaller images as a part of the grid, no larger ones",
          "[encoders][vit]") {
  const auto whole = nn::relative_positions(4, 4, 4, 2);
  CHECK(whole.max().item<std::int64_t>() == nn::num_relative_positions(4) - 1);
  // Two tokens without a place, then 3 x 3 of the 4 x 4 patches.
  const at::Tensor part = at::tensor({0, 1, 2, 3, 4, 6, 7, 8, 10, 11, 12}, at::kLong);
  CHECK(
      nn::relative_positions(3, 3, 4, 2).equal(whole.index_select(0, part).index_select(1, part)));
  const auto model = make(shape_of("relative"));
  CHECK(model->forward(image({12, 8})).sizes().vec() == std::vector<std::int64_t>{2, 48});
  CHECK_THROWS_WITH(
      model->forward(image({16, 20})),
      Catch::Contains("must be at most image_size 16 with relative positions, got 16 x 20"));
}

TEST_CASE("vit: images of one grid leave nothing behind for those of another", "[encoders][vit]") {
  for (const char* name : {"rotary", "relative"}) {
    INFO(name);
    const at::Tensor large = image({16, 16}), tall = image({16, 8}), wide = image({8, 16});
    const auto model = make(shape_of(name));
    for (const at::Tensor& x_NCHW : {large, tall, wide, large, tall})
      CHECK(model->forward(x_NCHW).equal(make(shape_of(name))->forward(x_NCHW)));
    if (std::string(name) == "rotary") continue;
    for (int again = 0; again < 2; ++again)
      CHECK_THROWS_AS(model->forward(image({20, 16})), UsageError);
  }
}

TEST_CASE("vit: an image that patches do not tile is a user's mistake", "[encoders][vit]") {
  const auto model = make(shape_of("plain"));
  CHECK_THROWS_WITH(model->forward(image({18, 16})),
                    Catch::Contains("must be multiples of patch_size 4, got 18 x 16"));
}
