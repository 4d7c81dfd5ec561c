// Denoising and inpainting: what is done to an image, and what its restoration is measured on.
#include "methods/corruption.h"
#include "tests/methods/setting.h"
#include "tests/support/torch_catch.h"

#include <ATen/ops/conv2d.h>

#include <algorithm>
#include <cmath>

namespace {

using namespace sslrun;
using namespace sslrun::test;

struct Drawn {
  Drawn(const methods::Corruption& corruption, std::int64_t side, std::uint32_t sample)
      : noise(static_cast<std::size_t>(2 * side * side)),
        hidden(static_cast<std::size_t>(side * side)) {
    Rng rng(5, Purpose::kMethod, 0, sample, 0);
    methods::draw_corruption(corruption, 2, side, side, rng, noise.data(), hidden.data());
  }

  double share() const {
    return static_cast<double>(std::count(hidden.begin(), hidden.end(), 1.0f)) /
           static_cast<double>(hidden.size());
  }

  std::vector<float> noise, hidden;
};

/// What is done to image i of the setting's only view, drawn as the method draws it.
struct Expected {
  Expected(const Setting& s, const methods::Corruption& corruption) {
    const std::int64_t side = s.views[0].size(2);
    noise = s.views[0].new_zeros(s.views[0].sizes()).contiguous();
    hidden = s.views[0].new_zeros({kImages, 1, side, side});
    for (std::int64_t i = 0; i < kImages; ++i) {
      Rng rng(3,
              Purpose::kMethod,
              static_cast<std::uint32_t>(s.progress.epoch()),
              static_cast<std::uint32_t>(s.samples[std::size_t(i)]),
              0);
      methods::draw_corruption(corruption,
                               3,
                               side,
                               side,
                               rng,
                               noise.mutable_data_ptr<float>() + i * 3 * side * side,
                               hidden.mutable_data_ptr<float>() + i * side * side);
    }
    noise = noise.to(at::kDouble);
    hidden = hidden.to(at::kDouble);
  }

  Tensor noise, hidden;
};

/// x [N, C, h, w] to [N, C, to, to], pixel by pixel.
Tensor nearest(const Tensor& x, std::int64_t to) {
  const Tensor out = x.new_zeros({x.size(0), x.size(1), to, to});
  for (std::int64_t i = 0; i < to; ++i)
    for (std::int64_t j = 0; j < to; ++j)
      out.select(2, i).select(2, j).copy_(
          x.select(2, i * x.size(2) / to).select(2, j * x.size(3) / to));
  return out;
}

/// The whole autoencoder in float64: mean colour, linear, 4 -> 6 -> 8 pixels, 3 x 3 convolutions.
Tensor restore(const State& s, const Tensor& x) {
  const auto norm = [&](const Tensor& y, const std::string& name) {
    const Tensor mean = y.mean({0, 2, 3}, true);
    const Tensor var = (y - mean).square().mean({0, 2, 3}, true);
    return (y - mean) / (var + 1e-5).sqrt() * s.at(name + ".weight").view({1, -1, 1, 1}) +
           s.at(name + ".bias").view({1, -1, 1, 1});
  };
  const auto conv = [&](const Tensor& y, const std::string& name) {
    return at::conv2d(y, s.at(name + ".weight"), {}, {1, 1}, {1, 1});
  };
  Tensor y = x.mean({2, 3}).matmul(s.at("encoder.weight").t());
  y = y.matmul(s.at("decoder.input.weight").t()) + s.at("decoder.input.bias");
  y = y.view({kImages, 4, 4, 4}).relu();
  y = norm(conv(nearest(y, 6), "decoder.conv1"), "decoder.bn1").relu();
  y = norm(conv(nearest(y, 8), "decoder.conv2"), "decoder.bn2").relu();
  return conv(y, "decoder.output");
}

}  // namespace

TEST_CASE("corruption: gaussian_noise has its deviation and hides nothing", "[methods]") {
  const Drawn got({"gaussian_noise", 0.3, 0.25}, 64, 1);
  double squares = 0, sum = 0;
  for (const float v : got.noise) squares += v * v, sum += v;
  const auto n = static_cast<double>(got.noise.size());
  CHECK(std::sqrt(squares / n) == Approx(0.3).epsilon(4 / std::sqrt(2 * n)));  // four deviations
  CHECK(std::abs(sum / n) < 4 * 0.3 / std::sqrt(n));
  CHECK(got.share() == 0);
}

TEST_CASE("corruption: pixel_dropout hides its share, other pixels of another image", "[methods]") {
  const methods::Corruption corruption{"pixel_dropout", 0.5, 0.4};
  const Drawn got(corruption, 64, 1);
  CHECK(got.share() == Approx(0.4).margin(4 * std::sqrt(0.4 * 0.6 / 4096)));
  CHECK(Drawn(corruption, 64, 1).hidden == got.hidden);
  CHECK(Drawn(corruption, 64, 2).hidden != got.hidden);
  CHECK(std::count(got.noise.begin(), got.noise.end(), 0.0f) == 2 * 64 * 64);
}

TEST_CASE("corruption: center_block is the square in the middle", "[methods]") {
  const Drawn got({"center_block", 0.5, 0.25}, 16, 1);
  for (std::int64_t y = 0; y < 16; ++y)
    for (std::int64_t x = 0; x < 16; ++x)
      CHECK(got.hidden[std::size_t(y * 16 + x)] == (y >= 4 && y < 12 && x >= 4 && x < 12));
}

TEST_CASE("corruption: random_blocks hide something, at most their share, and move about",
          "[methods]") {
  const methods::Corruption corruption{"random_blocks", 0.5, 0.25};
  double mean = 0;
  std::vector<int> seen(32 * 32);
  for (std::uint32_t sample = 0; sample < 400; ++sample) {
    const Drawn got(corruption, 32, sample);
    REQUIRE(got.share() > 0);
    REQUIRE(got.share() <= 0.25);
    mean += got.share() / 400;
    for (std::size_t i = 0; i < seen.size(); ++i) seen[i] += got.hidden[i] == 1.0f;
  }
  CHECK(mean > 0.15);  // blocks of at most 1/16 each: no image is left with less than 3/16 for long
  CHECK(*std::min_element(seen.begin(), seen.end()) > 0);
}

TEST_CASE("denoising: the loss of all pixels, and that of the hidden ones image by image",
          "[methods]") {
  const auto [kind, loss] =
      GENERATE(std::pair<const char*, const char*>{"gaussian_noise", "all"},
               std::pair<const char*, const char*>{"random_blocks", "all"},
               std::pair<const char*, const char*>{"random_blocks", "hidden"},
               std::pair<const char*, const char*>{"pixel_dropout", "hidden"});
  CAPTURE(kind, loss);
  Setting s(std::string("{name: denoising, sigma: 0.7, share: 0.4, decoder_width: 4, "
                        "decoder_blocks: 2, corruption: ") +
                kind + ", loss: " + loss + "}",
            {8});
  s.progress = {5, 10, 2};
  s.samples = {11, 3, 70, 4, 5, 6};
  const Expected drawn(s, {kind, 0.7, 0.4});
  const Tensor x = s.views[0].to(at::kDouble);
  const Tensor error = (restore(s.state(), x * (1 - drawn.hidden) + drawn.noise) - x).square();
  Tensor expected = error.mean();
  if (std::string(loss) == "hidden") {
    expected = expected * 0;
    for (std::int64_t i = 0; i < kImages; ++i)
      expected =
          expected + (error[i] * drawn.hidden[i]).sum() / drawn.hidden[i].sum() / 3 / kImages;
  }
  // Four units of float32, 1.2e-7; 6.2e-8 measured.
  CHECK(s.loss() == Approx(expected.item<double>()).epsilon(4.8e-7));
  const double before = s.loss();
  CHECK(s.loss() == before);  // drawn by epoch and number, not by how often
  s.progress.step = 7;
  CHECK(s.loss() != before);
}
