// Methods that predict what was done to an image: which rows belong to which class, and what the head
// sees.
#include "ops/rows.h"
#include "tests/methods/setting.h"
#include "tests/support/torch_catch.h"
#include "views/jigsaw_permutations.h"

#include <ATen/ops/tensor.h>

#include <cmath>

namespace {

using namespace sslrun;
using namespace sslrun::test;

// Four units of float32, 1.2e-7; 1.8e-8 measured below.
constexpr double kTolerance = 4.8e-7;

Tensor classes(std::initializer_list<std::int64_t> values, at::IntArrayRef shape) {
  return at::tensor(at::ArrayRef<std::int64_t>(values), at::kLong).view(shape);
}

/// The mean of -log softmax of each row's class, row by row.
double cross_entropy(const Tensor& logits, const Tensor& chosen) {
  double sum = 0;
  for (std::int64_t i = 0; i < logits.size(0); ++i) {
    const Tensor row = logits[i];
    double total = 0;
    for (std::int64_t k = 0; k < row.size(0); ++k) total += std::exp(row[k].item<double>());
    sum += std::log(total) - row[chosen[i].item<std::int64_t>()].item<double>();
  }
  return sum / static_cast<double>(logits.size(0));
}

double share_right(const Tensor& logits, const Tensor& chosen) {
  std::int64_t right = 0;
  for (std::int64_t i = 0; i < logits.size(0); ++i)
    right += logits[i].argmax().item<std::int64_t>() == chosen[i].item<std::int64_t>();
  return static_cast<double>(right) / static_cast<double>(logits.size(0));
}

double scalar(const methods::StepResult& result, std::string_view name) {
  for (const auto& [key, value] : result.scalars)
    if (key == name) return ops::value(value);
  throw std::logic_error("no such scalar");
}

Tensor linear(const State& state, const std::string& name, const Tensor& x) {
  return x.matmul(state.at(name + ".weight").t()) + state.at(name + ".bias");
}

void zero(const methods::Method& method, std::string_view prefix) {
  for (const auto& [name, tensor] : method.named_state())
    if (name.starts_with(prefix)) tensor.detach().zero_();
}

}  // namespace

TEST_CASE("rotnet: picture p of image i is row 4 i + p, and its class is that of the same place",
          "[methods]") {
  Setting s("{name: rotnet}", {2});
  s.views = {plain_pictures(3 * 4, 0.4, 2)};
  // Not in order, so that classes laid out picture by picture would be others.
  s.targets = {classes({0, 1, 2, 3, 3, 0, 1, 2, 2, 2, 0, 1}, {3, 4})};
  const State state = s.state();
  const Tensor logits = linear(state, "head", features(state, "encoder", s, 0));
  const Tensor turns = s.targets[0].view({-1});
  const methods::StepResult got = s.forward();
  CHECK(ops::value(got.loss) == Approx(cross_entropy(logits, turns)).epsilon(kTolerance));
  CHECK(scalar(got, "pretext_top1") == Approx(share_right(logits, turns)));
  zero(*s.method, "head");
  CHECK(s.loss() == Approx(std::log(4.0)));
}

TEST_CASE("rotnet: one drawn turn per image is one row per image", "[methods]") {
  Setting s("{name: rotnet}", {2});
  s.targets = {classes({3, 0, 1, 1, 2, 0}, {kImages, 1})};
  const State state = s.state();
  const Tensor logits = linear(state, "head", features(state, "encoder", s, 0));
  CHECK(s.loss() == Approx(cross_entropy(logits, s.targets[0].view({-1}))).epsilon(kTolerance));
}

TEST_CASE("jigsaw: the nine tiles of an image are joined in the order of their places",
          "[methods]") {
  Setting s("{name: jigsaw, permutations: 7, tile_dim: 4}", {2});
  constexpr std::int64_t n = 3;
  s.views = {plain_pictures(n * 9, 0.4, 2)};
  s.targets = {classes({6, 0, 3}, {n, 1})};
  const State state = s.state();
  const Tensor tiles = head(state, "tile_head", features(state, "encoder", s, 0)).relu();
  std::vector<Tensor> images;
  for (std::int64_t i = 0; i < n; ++i) {
    std::vector<Tensor> places;
    for (std::int64_t t = 0; t < 9; ++t) places.push_back(tiles[i * 9 + t]);
    images.push_back(ops::cat_rows(places).unsqueeze(0));
  }
  const Tensor logits = linear(state, "head", ops::cat_rows(images));
  const Tensor order = s.targets[0].view({-1});
  const methods::StepResult got = s.forward();
  CHECK(ops::value(got.loss) == Approx(cross_entropy(logits, order)).epsilon(kTolerance));
  CHECK(scalar(got, "pretext_top1") == Approx(share_right(logits, order)));
  zero(*s.method, "head");
  CHECK(s.loss() == Approx(std::log(7.0)));
}

TEST_CASE("jigsaw: its state says which order each class is, as the views show it", "[methods]") {
  Setting s("{name: jigsaw, permutations: 12, tile_dim: 4}", {2});
  const Tensor stored = s.state().at("permutations");
  const auto& orders = views::tile_orders(12);
  REQUIRE(stored.size(0) == 12);
  for (std::size_t k = 0; k < orders.size(); ++k)
    for (std::size_t t = 0; t < 9; ++t)
      REQUIRE(stored[std::int64_t(k)][std::int64_t(t)].item<double>() == orders[k][t]);
}
