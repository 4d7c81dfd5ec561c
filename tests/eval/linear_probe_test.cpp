#include "eval/linear_probe.h"

#include "base/error.h"
#include "base/file.h"
#include "base/permutation.h"
#include "tests/eval/fixed_features.h"
#include "tests/support/torch_catch.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

using namespace sslrun;
using eval::Features;
using eval::fixed_features;
using eval::kClasses;
using eval::kDim;

namespace {

using Matrix = std::vector<std::vector<double>>;

Matrix rows_of(const Features& f) {
  Matrix out;
  for (std::int64_t i = 0; i < f.x_NF.size(0); ++i) {
    const float* const row = f.x_NF.const_data_ptr<float>() + i * kDim;
    out.emplace_back(row, row + kDim);
  }
  return out;
}

/// The classifier by its definition, in float64: weights [class][dim], the bias last.
Matrix train_by_definition(const Matrix& x,
                           const std::vector<std::int64_t>& y,
                           double lr,
                           std::int64_t epochs,
                           std::int64_t batch) {
  Matrix w(kClasses, std::vector<double>(kDim + 1, 0)), m = w;
  const auto rows = static_cast<std::int64_t>(x.size());
  const std::int64_t steps = rows / batch;
  for (std::int64_t step = 0; step < epochs * steps; ++step) {
    const Permutation order(0, static_cast<std::uint32_t>(step / steps + 1), rows);
    Matrix g(kClasses, std::vector<double>(kDim + 1, 0));
    for (std::int64_t b = 0; b < batch; ++b) {
      const auto i = static_cast<std::size_t>(order(step % steps * batch + b));
      std::vector<double> p(kClasses);
      double sum = 0;
      for (std::size_t c = 0; c < kClasses; ++c) {
        double logit = w[c][kDim];
        for (std::size_t d = 0; d < kDim; ++d) logit += w[c][d] * x[i][d];
        sum += p[c] = std::exp(logit);
      }
      for (std::size_t c = 0; c < kClasses; ++c) {
        const double delta = (p[c] / sum - (static_cast<std::int64_t>(c) == y[i] ? 1 : 0)) /
                             static_cast<double>(batch);
        for (std::size_t d = 0; d < kDim; ++d) g[c][d] += delta * x[i][d];
        g[c][kDim] += delta;
      }
    }
    const double rate = lr * 0.5 *
                        (1 + std::cos(std::numbers::pi * static_cast<double>(step) /
                                      static_cast<double>(epochs * steps)));
    for (std::size_t c = 0; c < kClasses; ++c) {
      for (std::size_t d = 0; d <= kDim; ++d) w[c][d] -= rate * (m[c][d] = 0.9 * m[c][d] + g[c][d]);
    }
  }
  return w;
}

double accuracy(const Matrix& w, const Matrix& x, const std::vector<std::int64_t>& y) {
  double hits = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    std::vector<double> logits;
    for (const auto& row : w) {
      logits.push_back(row[kDim]);
      for (std::size_t d = 0; d < kDim; ++d) logits.back() += row[d] * x[i][d];
    }
    hits += std::max_element(logits.begin(), logits.end()) - logits.begin() == y[i];
  }
  return hits / static_cast<double>(x.size());
}

}  // namespace

TEST_CASE("linear_probe: each learning rate's classifier is the one of the definition in float64",
          "[eval][probe]") {
  const Features train = fixed_features(130, 0.3), val = fixed_features(90, 4.1);
  const eval::ProbeOptions options{.epochs = 3, .batch_size = 16, .learning_rates = {0.05, 0.7}};
  const eval::ProbeResult result = eval::linear_probe(train, val, options);

  Matrix all = rows_of(train), other = rows_of(val), held, kept;
  std::vector<std::int64_t> held_y, kept_y;
  const Permutation split(0, 0, 130);
  for (std::int64_t i = 0; i < 130; ++i) {
    const auto row = static_cast<std::size_t>(split(i));
    (i < 13 ? held : kept).push_back(all[row]);
    (i < 13 ? held_y : kept_y).push_back(train.labels[row]);
  }
  for (std::size_t d = 0; d < kDim; ++d) {
    double mean = 0, square = 0;
    for (const auto& row : kept) mean += row[d] / static_cast<double>(kept.size());
    for (const auto& row : kept)
      square += (row[d] - mean) * (row[d] - mean) / static_cast<double>(kept.size());
    for (Matrix* rows : {&kept, &held, &other}) {
      for (auto& row : *rows) row[d] = (row[d] - mean) / std::sqrt(square);
    }
  }
  REQUIRE(result.table.size() == 2);
  CHECK(result.train_images == 117);
  CHECK(result.held_out_images == 13);
  for (const eval::ProbeScore& score : result.table) {
    const Matrix w = train_by_definition(kept, kept_y, score.lr, 3, 16);
    CHECK(score.top1 == Approx(accuracy(w, other, val.labels)).epsilon(1e-12));
    CHECK(score.held_out_top1 == Approx(accuracy(w, held, held_y)).epsilon(1e-12));
  }
  CHECK(result.chosen == (result.table[1].held_out_top1 > result.table[0].held_out_top1 ? 1u : 0u));
}

TEST_CASE("linear_probe: near the accuracy of scikit-learn's logistic regression",
          "[eval][probe]") {
  const auto golden =
      nlohmann::json::parse(read_file(std::string(SSLRUN_TEST_DIR) + "/golden/eval.json"));
  const Features train = fixed_features(600, 0.3), val = fixed_features(150, 4.1);
  const eval::ProbeResult result =
      eval::linear_probe(train, val, {.epochs = 200, .batch_size = 64});
  // Nine tenths of the rows, and a step size that never quite ends at the optimum: within 6 of 150
  // images of it.
  CHECK(result.table[result.chosen].top1 ==
        Approx(golden.at("logistic_top1").get<double>()).margin(6.0 / 150));
}

TEST_CASE("linear_probe: the learning rate is chosen without a look at val", "[eval][probe]") {
  const Features train = fixed_features(200, 0.3);
  Features val = fixed_features(50, 4.1);
  const auto first = eval::linear_probe(train, val, {.epochs = 2});
  std::fill(val.labels.begin(), val.labels.end(), 0);
  CHECK(eval::linear_probe(train, val, {.epochs = 2}).chosen == first.chosen);
}

TEST_CASE("linear_probe: refuses data without labels, and too few images", "[eval][probe]") {
  const Features train = fixed_features(40, 0.3);
  Features bare = train;
  bare.labels.clear();
  CHECK_THROWS_AS(eval::linear_probe(train, bare, {}), DataError);
  CHECK_THROWS_AS(eval::linear_probe(fixed_features(19, 0.3), train, {}), DataError);
}
