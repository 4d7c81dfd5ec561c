// MAE, SimMIM and I-JEPA against their official code, and the mistakes that are easily made in them.
#include "base/file.h"
#include "config/document.h"
#include "config/reader.h"
#include "dist/world.h"
#include "encoders/vit.h"
#include "methods/block_masks.h"
#include "methods/method.h"
#include "methods/method_configs.h"
#include "methods/momentum.h"
#include "ops/step.h"
#include "ops/threads.h"
#include "optim/optimizer.h"
#include "optim/optimizer_configs.h"
#include "tests/support/sine.h"
#include "tests/support/torch_catch.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>

#include <nlohmann/json.hpp>

#include <cmath>
#include <set>
#include <string>
#include <vector>

namespace {

using namespace sslrun;
using nlohmann::json;

// float64; measured 3.5e-14, on one processor: others add in another order.
constexpr double kTolerance = 1e-12;
constexpr std::uint32_t kSeed = 9;

const json& golden() {
  static const json content =
      json::parse(read_file(std::string(SSLRUN_TEST_DIR) + "/golden/masked.json"));
  return content;
}

/// The formula of tests/golden/masked.py.
at::Tensor weight(const std::string& name, const at::Tensor& like) {
  std::int64_t ordinal = 0;
  for (std::size_t i = 0; i < name.size(); ++i)
    ordinal += (static_cast<std::int64_t>(i) + 1) * name[i];
  const bool matrix = like.dim() > 1 && name.ends_with("weight");
  const double scale =
      matrix ? 1 / std::sqrt(static_cast<double>(like.numel() / like.size(0))) : 0.5;
  const bool norm = name.find("norm") != std::string::npos && name.ends_with("weight");
  at::Tensor w =
      test::sine(like.sizes(), static_cast<double>(ordinal % 997)) * scale + (norm ? 1 : 0);
  if (name.ends_with("qkv.bias")) w.narrow(0, like.size(0) / 3, like.size(0) / 3).zero_();
  return w;
}

/// A method on images of 32 pixels and a small network, in float64.
struct Setting {
  explicit Setting(const std::string& yaml, bool class_token = true) {
    ops::use_threads(1);
    config::NamedComponent component;
    config::read(config::parse_document("test", "method: " + yaml, {}), [&](config::Fields& f) {
      f.component("method", "name", component, methods::method_specs(), "method");
    });
    encoders::VitShape shape{.features = 48,
                             .depth = 2,
                             .heads = 3,
                             .patch_size = 4,
                             .image_size = 32,
                             .class_token = class_token,
                             .pool = encoders::VitPool::kMean};
    if (yaml.find("simmim") == std::string::npos) shape.positions = encoders::VitPositions::kSinCos;
    method = methods::make_method(component,
                                  {.make_encoder =
                                       [shape] {
                                         nn::Init init(0);
                                         return std::make_unique<encoders::VisionTransformer>(shape,
                                                                                              init);
                                       },
                                   .seed = kSeed,
                                   .train_images = 2000});
    const at::NoGradGuard no_grad;
    for (const auto& [name, t] : method->named_state()) t.set_data(t.to(at::kDouble));
    for (const auto& [name, t] : method->named_weights()) t.copy_(weight(name, t));
  }

  methods::StepResult forward() {
    return method->forward({&x_NCHW, 1},
                           {.world = *world, .progress = progress, .samples = samples});
  }

  double loss() { return forward().loss.item<double>(); }

  std::shared_ptr<dist::World> world = dist::single_world();
  std::unique_ptr<methods::Method> method;
  at::Tensor x_NCHW = test::sine({3, 3, 32, 32}, 1000);
  std::vector<std::int64_t> samples = {5, 1000, 7};
  methods::Progress progress{11, 100, 5};  // epoch 2
};

constexpr const char* kMae =
    "{name: mae, norm_pix: false, decoder: {width: 24, depth: 2, heads: 3}}";
constexpr const char* kMaeNormPix = "{name: mae, decoder: {width: 24, depth: 2, heads: 3}}";
constexpr const char* kSimMim = "{name: simmim, mask_size: 8}";
constexpr const char* kIJepa =
    "{name: ijepa, min_keep: 6, predictor: {width: 24, depth: 2, heads: 3}}";

void check_against(Setting& s, const json& expected) {
  const at::Tensor loss = s.forward().loss;
  CHECK(loss.item<double>() == Approx(expected["loss"].get<double>()).epsilon(kTolerance));
  loss.backward();
  std::set<std::string> names;
  for (const auto& [name, t] : s.method->named_parameters()) {
    INFO(name);
    names.insert(name);
    REQUIRE(expected["grads"].contains(name));
    REQUIRE(t.grad().defined());
    const json& g = expected["grads"][name];
    const double rms = g["rms"];
    CHECK(t.grad().square().mean().sqrt().item<double>() == Approx(rms).epsilon(kTolerance));
    const at::Tensor flat = t.grad().flatten();
    for (std::int64_t i = 0; i < std::int64_t(g["head"].size()); ++i)
      CHECK(std::abs(flat[i].item<double>() - g["head"][std::size_t(i)].get<double>()) <
            kTolerance * rms);
  }
  CHECK(names.size() == expected["grads"].size());
}

methods::MaskSource source(const Setting& s) {
  return {kSeed, s.progress.epoch(), s.samples};
}

/// A patch of image i.
at::Tensor pixels(const at::Tensor& x_NCHW, std::int64_t i, std::int64_t patch) {
  return x_NCHW[i].narrow(1, patch / 8 * 4, 4).narrow(2, patch % 8 * 4, 4);
}

/// The largest part of the loss's gradient by the pixels of a patch.
double pixel_gradient(const at::Tensor& x_NCHW, std::int64_t i, std::int64_t patch) {
  return pixels(x_NCHW.grad(), i, patch).abs().max().item<double>();
}

}  // namespace

TEST_CASE("mae: loss and gradients are those of the official code", "[methods][mae]") {
  Setting raw(kMae), normalised(kMaeNormPix);
  check_against(raw, golden()["mae"]);
  check_against(normalised, golden()["mae_norm_pix"]);
}

TEST_CASE("mae: a quarter of the patches is kept, others for each image and each epoch",
          "[methods][mae]") {
  const Setting s(kMae);
  const methods::RandomPatches masks = methods::random_patches(source(s), 64, 16);
  for (std::int64_t i = 0; i < 3; ++i)
    for (std::int64_t m = 0; m < 64; ++m)
      CHECK(masks.hidden_NM[i][m].item<bool>() ==
            (golden()["mae"]["hidden"][std::size_t(i * 64 + m)] == 1));
  CHECK(masks.hidden_NM.sum(1).eq(48).all().item<bool>());
  CHECK(!masks.hidden_NM[0].equal(masks.hidden_NM[1]));
  const std::vector<std::int64_t> one = {1000};
  CHECK(methods::random_patches({kSeed, 2, one}, 64, 16).hidden_NM[0].equal(masks.hidden_NM[1]));
  CHECK(!methods::random_patches({kSeed, 3, one}, 64, 16).hidden_NM[0].equal(masks.hidden_NM[1]));
  CHECK(!methods::random_patches({1, 2, one}, 64, 16).hidden_NM[0].equal(masks.hidden_NM[1]));
}

TEST_CASE("mae: hidden pixels are seen as targets alone", "[methods][mae]") {
  Setting s(kMae);
  s.x_NCHW.requires_grad_(true);
  s.forward().loss.backward();
  const at::Tensor before = s.x_NCHW.grad().clone();
  const at::Tensor hidden_NM = methods::random_patches(source(s), 64, 16).hidden_NM;
  std::int64_t patch = 0;
  while (!hidden_NM[0][patch].item<bool>()) ++patch;
  {
    const at::NoGradGuard no_grad;
    pixels(s.x_NCHW, 0, patch).add_(0.5);
  }
  s.x_NCHW.mutable_grad().reset();
  s.forward().loss.backward();
  // A hidden pixel has the gradient 2 (x - prediction) / (hidden values). The prediction does not
  // move with it, so its own gradient moves by this and that of other hidden pixels not at all.
  const at::Tensor moved = s.x_NCHW.grad() - before;
  const double own = 0.5 * 2 / (3 * 48 * 48.0);
  for (std::int64_t i = 0; i < 3; ++i) {
    for (std::int64_t m = 0; m < 64; ++m) {
      const double expected = i == 0 && m == patch ? own : 0;
      if (hidden_NM[i][m].item<bool>())
        CHECK((pixels(moved, i, m) - expected).abs().max().item<double>() < 1e-15);
    }
  }
}

TEST_CASE("simmim: loss, gradients and masks are those of the official code", "[methods][simmim]") {
  Setting s(kSimMim);
  check_against(s, golden()["simmim"]);
  const at::Tensor hidden_NM = methods::random_cells(source(s), 8, 8, 2, 0.6);
  for (std::int64_t k = 0; k < 3 * 64; ++k)
    CHECK(hidden_NM.flatten()[k].item<bool>() ==
          (golden()["simmim"]["hidden"][std::size_t(k)] == 1));
  CHECK(hidden_NM.sum(1).eq(40).all().item<bool>());  // ceil(0.6 * 16) cells of 2 x 2
}

TEST_CASE("simmim: kept pixels are no targets", "[methods][simmim]") {
  Setting s("{name: simmim, mask_size: 32, mask_ratio: 0.5}");  // one cell, which is hidden
  s.x_NCHW.requires_grad_(true);
  s.forward().loss.backward();
  // With every patch a mask token the prediction is the same for all images: a pixel's gradient is
  // the sign of its error over the number of pixels.
  CHECK((s.x_NCHW.grad().abs() - 1 / (3 * 3 * 32 * 32.0)).abs().max().item<double>() < 1e-15);
  Setting part(kSimMim);
  part.x_NCHW.requires_grad_(true);
  part.forward().loss.backward();
  const at::Tensor hidden_NM = methods::random_cells(source(part), 8, 8, 2, 0.6);
  for (std::int64_t m = 0; m < 64; ++m) {
    // The encoder does not see hidden pixels, so their gradient is that of a target.
    if (hidden_NM[0][m].item<bool>())
      CHECK(pixel_gradient(part.x_NCHW, 0, m) == Approx(1 / (3 * 40 * 48.0)));
  }
}

TEST_CASE("ijepa: loss, gradients and masks are those of the official code", "[methods][ijepa]") {
  Setting s(kIJepa, /*class_token=*/false);
  check_against(s, golden()["ijepa"]);
}

TEST_CASE(
    "ijepa: no gradient reaches the target encoder, which follows along a line after the step",
    "[methods][ijepa]") {
  Setting s("{name: ijepa, min_keep: 6, momentum: 0.5, predictor: {width: 24, depth: 1, heads: 3}}",
            false);
  for (const auto& [name, t] : s.method->named_parameters())
    CHECK(!name.starts_with("target_encoder."));
  s.forward().loss.backward();
  const at::Tensor target = s.method->evaluated().named_weights()[0].second;
  const at::Tensor online = s.method->encoder().named_weights()[0].second;
  const at::Tensor before = target.clone();
  CHECK(!target.grad().defined());
  s.method->before_step(s.progress);
  CHECK(target.equal(before));
  nn::follow(s.method->following(s.progress));
  const double tau = 0.5 + 0.5 * 0.11;
  CHECK((target - (before * tau + online * (1 - tau))).abs().max().item<double>() < 1e-15);
  CHECK(methods::linear_momentum(0.996, {0, 10}) == 0.996);
  CHECK(methods::linear_momentum(0.996, {5, 10}) == Approx(0.998));
  CHECK(methods::linear_momentum(0.996, {10, 10}) == 1);
}

TEST_CASE("ijepa: the context lies outside the targets, rows ascend, no block reaches the last row",
          "[methods][ijepa]") {
  std::vector<std::int64_t> samples(64);
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<std::int64_t>(i);
  const methods::BlockMasks masks = methods::block_masks(
      {1, 0, samples}, {.rows = 14, .columns = 14, .target = {6, 5}, .context = {13, 13}});
  REQUIRE(masks.targets_NT.size() == 4);
  const at::Tensor context_NK = masks.context_NK(masks.shortest());
  const std::int64_t kept = context_NK.size(1);
  CHECK(kept > 10);
  for (std::int64_t i = 0; i < 64; ++i) {
    const auto row = [&](const at::Tensor& t) {
      const at::Tensor r = t[i].contiguous();
      return std::vector<std::int64_t>(r.data_ptr<std::int64_t>(),
                                       r.data_ptr<std::int64_t>() + r.numel());
    };
    const std::vector<std::int64_t> context = row(context_NK);
    CHECK(std::is_sorted(context.begin(), context.end()));
    std::set<std::int64_t> seen(context.begin(), context.end());
    CHECK(static_cast<std::int64_t>(seen.size()) == kept);
    for (const at::Tensor& target_NT : masks.targets_NT) {
      const std::vector<std::int64_t> target = row(target_NT);
      CHECK(std::is_sorted(target.begin(), target.end()));
      CHECK(target.back() - target.front() == 5 * 14 + 4);  // 6 x 5 patches
      CHECK(target.back() / 14 < 13);
      CHECK(target.back() % 14 < 13);
      for (const std::int64_t patch : target) CHECK(seen.count(patch) == 0);
    }
  }
}

TEST_CASE("ijepa: one draw sets a block's area and aspect", "[methods][ijepa]") {
  const auto sides = [](double u) {
    const methods::BlockShape b = methods::block_shape(14, 14, {0.15, 0.2}, {0.75, 1.5}, u);
    return std::pair(b.rows, b.columns);
  };
  CHECK(sides(0) == std::pair<std::int64_t, std::int64_t>{5, 6});       // 29 patches, aspect 0.75
  CHECK(sides(0.5) == std::pair<std::int64_t, std::int64_t>{6, 5});     // 34, 1.125
  CHECK(sides(0.9999) == std::pair<std::int64_t, std::int64_t>{8, 5});  // 38 or 39, 1.5
  const methods::BlockShape whole = methods::block_shape(14, 14, {0.85, 1}, {1, 1}, 0.9999);
  CHECK(whole.rows == 13);  // below the grid
}

TEST_CASE("ijepa: what lies inside the targets does not change what the context becomes",
          "[methods][ijepa]") {
  // The context's features enter the loss through the predictor: without targets that see the image
  // (the target encoder's weights at zero, so that its features are constant), hidden pixels have no
  // gradient.
  Setting s(kIJepa, false);
  {
    const at::NoGradGuard no_grad;
    for (const auto& [name, t] : s.method->named_weights())
      if (name.starts_with("target_encoder.")) t.zero_();
  }
  s.x_NCHW.requires_grad_(true);
  s.forward().loss.backward();
  const json& g = golden()["ijepa"];
  for (std::size_t i = 0; i < 3; ++i) {
    for (const json& target : g["targets"])
      for (const json& patch : target[i])
        CHECK(pixel_gradient(s.x_NCHW, std::int64_t(i), patch.get<std::int64_t>()) == 0);
    for (const json& patch : g["context"][i])
      CHECK(pixel_gradient(s.x_NCHW, std::int64_t(i), patch.get<std::int64_t>()) > 0);
  }
}
