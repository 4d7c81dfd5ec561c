#include "base/error.h"
#include "base/file.h"
#include "nn/drop_path.h"
#include "nn/ema.h"
#include "nn/positions.h"
#include "nn/randomness.h"
#include "nn/transformer_block.h"
#include "ops/autocast.h"
#include "tests/support/torch_catch.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/softmax.h>

#include <nlohmann/json.hpp>

#include <cmath>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using namespace sslrun;

std::vector<double> numbers(const at::Tensor& t) {
  const at::Tensor flat = t.detach().to(at::kDouble).flatten().contiguous();
  return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

/// Which rows a branch of ones loses, for images in views one after another.
std::vector<double> drawn(std::uint32_t seed,
                          std::int64_t epoch,
                          const std::vector<std::int64_t>& samples,
                          std::int64_t rows,
                          int draws_before = 0) {
  nn::DropPath drop(0.5);
  const nn::Randomness randomness(seed, epoch, samples);
  for (int i = 0; i < draws_before; ++i) drop.forward(at::ones({rows, 1}));
  return numbers(drop.forward(at::ones({rows, 1})));
}

}  // namespace

TEST_CASE("layer_norm: equals its definition, and without weights too", "[nn]") {
  nn::Init init(1);
  const at::Tensor x_ND = init.normal({5, 24}, 3) + 2;
  const at::Tensor expected =
      (x_ND - x_ND.mean({1}, true)) / (x_ND.var({1}, false, true) + 1e-6).sqrt();
  CHECK((nn::LayerNorm(24).forward(x_ND) - expected).abs().max().item<double>() < 5e-6);
  const nn::LayerNorm plain(24, /*affine=*/false);
  CHECK(plain.named_state().empty());
  CHECK((plain.forward(x_ND) - expected).abs().max().item<double>() < 5e-6);
}

TEST_CASE("drop_path: keeps the mean, drops whole rows and none outside train mode", "[nn]") {
  std::vector<std::int64_t> samples(20000);
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<std::int64_t>(i);
  nn::DropPath drop(0.3);
  const auto rows = static_cast<std::int64_t>(samples.size());
  const nn::Randomness randomness(7, 0, samples);
  const at::Tensor y_ND = drop.forward(at::ones({rows, 3}));
  CHECK(y_ND.select(1, 0).equal(y_ND.select(1, 2)));
  // Five standard errors of a share of 0.3 among 20,000.
  CHECK(y_ND.eq(0).to(at::kDouble).mean().item<double>() == Approx(0.3).margin(0.0163));
  CHECK(y_ND.max().item<double>() == Approx(1 / 0.7));
  drop.train(false);
  CHECK(drop.forward(at::ones({2, 3})).equal(at::ones({2, 3})));
  drop.train();
  drop.disable();
  CHECK(drop.forward(at::ones({2, 3})).equal(at::ones({2, 3})));
}

TEST_CASE("drop_path: an image's draws depend on seed, epoch, number, view and order alone",
          "[nn]") {
  std::vector<std::int64_t> samples(64);
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = 1000 + static_cast<std::int64_t>(i);
  const std::vector<double> both = drawn(1, 2, samples, 128);  // two views
  const std::vector<std::int64_t> half(samples.begin() + 32, samples.end());
  const std::vector<double> part = drawn(1, 2, half, 64);  // as another process has them
  for (std::size_t i = 0; i < 32; ++i) {
    CHECK(part[i] == both[32 + i]);
    CHECK(part[32 + i] == both[96 + i]);
  }
  const std::vector<double> one(both.begin(), both.begin() + 64),
      two(both.begin() + 64, both.end());
  CHECK(one != two);
  CHECK(drawn(1, 2, samples, 64) == one);
  CHECK(drawn(2, 2, samples, 64) != one);
  CHECK(drawn(1, 3, samples, 64) != one);
  CHECK(drawn(1, 2, samples, 64, /*draws_before=*/1) != one);
}

TEST_CASE("drop_path: drawing outside a scope is a bug that says so", "[nn]") {
  const nn::DropPath drop(0.5);
  CHECK_THROWS_WITH(drop.forward(at::ones({2, 3})), Catch::Contains("inside a Randomness"));
  const std::vector<std::int64_t> outer_samples = {1}, inner_samples = {2};
  const nn::Randomness outer(0, 0, outer_samples);
  { const nn::Randomness inner(0, 0, inner_samples); }
  CHECK(&nn::Randomness::current() == &outer);
}

TEST_CASE("ema: a follower drops no residual branch", "[nn]") {
  nn::Init init(0);
  const nn::BlockShape shape{.features = 8, .heads = 2, .drop_path = 0.9};
  nn::TransformerBlock leader(shape, {}, init), follower(shape, {}, init);
  nn::start_following(follower, leader);
  const at::Tensor x_NTD = init.normal({2, 3, 8}, 1);
  leader.train(false);
  CHECK(follower.training());
  CHECK(follower.forward(x_NTD).equal(leader.forward(x_NTD)));
}

TEST_CASE("attention: equals softmax of queries and keys, head by head, and its gradient too",
          "[nn]") {
  nn::Init init(3);
  const std::int64_t heads = 2, d = 4, features = heads * d, tokens = 5;
  const nn::Attention attention(features, heads, {}, init);
  for (const auto& [name, t] : attention.named_parameters())
    t.set_data(init.normal(t.sizes(), 0.5).to(at::kDouble));
  const nn::NamedTensors p = attention.named_parameters();  // qkv weight, bias, proj weight, bias
  const at::Tensor x_TD = init.normal({tokens, features}, 1).to(at::kDouble);
  const at::Tensor x_NTD = x_TD.clone().unsqueeze(0).requires_grad_(true);
  const at::Tensor bias_HTT = init.normal({heads, tokens, tokens}, 1).to(at::kDouble);
  const at::Tensor y_NTD = attention.forward(x_NTD, nullptr),
                   biased_NTD = attention.forward(x_NTD, nullptr, bias_HTT);
  const auto by_definition = [&](const at::Tensor& x, double times_bias) {
    const at::Tensor qkv = x.matmul(p[0].second.t()) + p[1].second;
    at::Tensor out = at::empty({tokens, features}, at::kDouble);
    for (std::int64_t h = 0; h < heads; ++h) {
      const at::Tensor q = qkv.narrow(1, h * d, d), k = qkv.narrow(1, features + h * d, d),
                       v = qkv.narrow(1, 2 * features + h * d, d);
      out.narrow(1, h * d, d)
          .copy_(at::softmax(q.matmul(k.t()) / std::sqrt(double(d)) + bias_HTT[h] * times_bias, 1)
                     .matmul(v));
    }
    return out.matmul(p[2].second.t()) + p[3].second;
  };
  const at::NoGradGuard no_grad;
  CHECK((y_NTD[0] - by_definition(x_TD, 0)).abs().max().item<double>() < 1e-12);
  CHECK((biased_NTD[0] - by_definition(x_TD, 1)).abs().max().item<double>() < 1e-12);
}

TEST_CASE("attention: in bfloat16 few tokens and many are as near to float32", "[nn]") {
  nn::Init init(5);
  const nn::Attention attention(64, 4, {}, init);
  for (const std::int64_t tokens : {5, 40, 300}) {
    for (const bool biased : {false, true}) {
      const at::Tensor x_NTD = init.normal({3, tokens, 64}, 1);
      const at::Tensor start_HTT = init.normal({4, tokens, tokens}, 1);
      const auto output_and_gradients = [&](ops::Precision precision) {
        const at::Tensor leaf = x_NTD.clone().requires_grad_(true);
        const at::Tensor bias_HTT = start_HTT.clone().requires_grad_(true);
        at::Tensor y_NTD;
        {
          const ops::Autocast autocast(precision, at::kCPU);
          y_NTD = attention.forward(leaf, nullptr, biased ? bias_HTT : at::Tensor());
        }
        y_NTD.to(at::kFloat).square().sum().backward();
        return std::tuple(y_NTD.detach().to(at::kFloat), leaf.grad(), bias_HTT.grad());
      };
      const auto want = output_and_gradients(ops::Precision::kFp32);
      const auto got = output_and_gradients(ops::Precision::kBf16);
      const auto error = [](const at::Tensor& value, const at::Tensor& wanted) {
        return ((value - wanted).norm() / wanted.norm()).item<double>();
      };
      INFO(tokens << (biased ? " with a bias" : ""));
      // Measured: 4.4e-3, gradients 4.1e-3, the bias' 9.6e-3.
      CHECK(error(std::get<0>(got), std::get<0>(want)) < 0.0175);
      CHECK(error(std::get<1>(got), std::get<1>(want)) < 0.0175);
      if (biased) CHECK(error(std::get<2>(got), std::get<2>(want)) < 0.038);
    }
  }
}

TEST_CASE("transformer_block: gradients are those of finite differences, SwiGLU and scale too",
          "[nn]") {
  for (const bool swiglu : {false, true}) {
    nn::Init init(4);
    const nn::TransformerBlock block(
        {.features = 8, .heads = 2, .swiglu = swiglu, .layer_scale = 0.7}, {}, init);
    for (const auto& [name, t] : block.named_parameters()) {
      if (t.dim() == 2)
        t.set_data(init.normal(t.sizes(), 0.4).to(at::kDouble));
      else
        t.set_data(t.to(at::kDouble));
    }
    const nn::Rotation turn = nn::rotary_positions(1, 3, 4);
    const at::Tensor x_NTD = init.normal({1, 4, 8}, 1).to(at::kDouble);
    const at::Tensor weights = init.normal({1, 4, 8}, 1).to(at::kDouble);
    const auto loss = [&](const at::Tensor& x) {
      return (block.forward(x, &turn) * weights).sum();
    };
    const at::Tensor leaf = x_NTD.clone().requires_grad_(true);
    loss(leaf).backward();
    const at::NoGradGuard no_grad;
    for (std::int64_t i = 0; i < x_NTD.numel(); ++i) {
      const auto moved = [&](double h) {
        const at::Tensor x = x_NTD.clone();
        x.mutable_data_ptr<double>()[i] += h;
        return loss(x).item<double>();
      };
      const double expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
      CHECK(leaf.grad().data_ptr<double>()[i] == Approx(expected).margin(1e-7));
    }
  }
}

TEST_CASE("positions: sin and cos are MAE's, and MoCo v3 has the row first", "[nn]") {
  // methods.md's token (row 0, column 1) of 8 features, computed with facebookresearch/mae.
  const std::vector<double> expected = {.84147098, .00999983, .54030231, .99995, 0, 0, 1, 1};
  const std::vector<double> column = numbers(nn::sincos_positions(2, 3, 8).select(0, 1));
  const std::vector<double> row = numbers(nn::sincos_positions(2, 3, 8, true).select(0, 3));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(column[i] == Approx(expected[i]).margin(1e-6));
    CHECK(row[i] == Approx(expected[i]).margin(1e-6));
  }
}

TEST_CASE("positions: other grids are interpolated as DINO, MAE and timm do it", "[nn]") {
  using Resize = nn::PositionResize;
  const at::Tensor square_MD = at::arange(16, at::kDouble).view({16, 1});
  const auto first_row = [&](Resize how) {
    return numbers(nn::resize_positions(square_MD, 2, 2, how).slice(0, 0, 2));
  };
  // Computed with PyTorch: 4 x 4 values 0 .. 15 to 2 x 2.
  const std::vector<std::pair<Resize, std::vector<double>>> cases = {
      {Resize::kOffset, {1.81215244, 3.90116146}},
      {Resize::kSize, {2.03125, 4.21875}},
      {Resize::kAntialias, {2.93388430, 4.76033058}}};
  for (const auto& [how, expected] : cases) {
    CHECK(first_row(how)[0] == Approx(expected[0]).margin(1e-7));
    CHECK(first_row(how)[1] == Approx(expected[1]).margin(1e-7));
  }
  CHECK(nn::resize_positions(square_MD, 4, 4, Resize::kOffset).is_same(square_MD));
  const auto golden = nlohmann::json::parse(
      read_file(std::string(SSLRUN_TEST_DIR) + "/golden/vit.json"))["resized"];
  const at::Tensor wave = at::empty({16, 2}, at::kDouble);
  for (std::int64_t k = 0; k < 32; ++k)
    wave.mutable_data_ptr<double>()[k] = std::sin(12.9898 * static_cast<double>(k) + 7);
  const std::pair<Resize, const char*> ways[] = {
      {Resize::kOffset, "offset"}, {Resize::kSize, "size"}, {Resize::kAntialias, "antialias"}};
  for (const auto& [how, name] : ways) {
    INFO(name);
    const std::vector<double> got = numbers(nn::resize_positions(wave, 6, 3, how));
    REQUIRE(got.size() == golden[name].size());
    for (std::size_t i = 0; i < got.size(); ++i)
      CHECK(got[i] == Approx(golden[name][i].get<double>()).margin(1e-12));
  }
}
