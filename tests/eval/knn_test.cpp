#include "eval/knn.h"

#include "base/error.h"
#include "base/file.h"
#include "tests/eval/fixed_features.h"
#include "tests/support/torch_catch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>

#include <nlohmann/json.hpp>

#include <algorithm>

using namespace sslrun;
using eval::Features;
using eval::fixed_features;

namespace {

const nlohmann::json& golden() {
  static const auto content =
      nlohmann::json::parse(read_file(std::string(SSLRUN_TEST_DIR) + "/golden/eval.json"));
  return content;
}

}  // namespace

TEST_CASE("knn: accuracies are scikit-learn's", "[eval][knn]") {
  const Features bank = fixed_features(600, 0.3), query = fixed_features(150, 4.1);
  REQUIRE(bank.x_NF[0][0].item<double>() == golden().at("x_0_0").get<double>());
  REQUIRE(bank.x_NF[599][11].item<double>() == golden().at("x_599_11").get<double>());
  const eval::KnnResult result = eval::knn(bank, query, {1, 5, 20, 200}, {0.07, 0.5});
  REQUIRE(result.table.size() == golden().at("knn").size());
  for (std::size_t i = 0; i < result.table.size(); ++i) {
    const nlohmann::json& want = golden().at("knn").at(i);
    CAPTURE(want.dump());
    CHECK(result.table[i].k == want.at("k").get<std::int64_t>());
    CHECK(result.table[i].temperature == want.at("temperature").get<double>());
    CHECK(result.table[i].top1 == Approx(want.at("top1").get<double>()).epsilon(1e-12));
    CHECK(result.table[i].top5 == Approx(want.at("top5").get<double>()).epsilon(1e-12));
  }
  CHECK(result.train_images == 600);
  CHECK(result.val_images == 150);
}

TEST_CASE("knn: a bank of one class answers that class, and a set finds itself", "[eval][knn]") {
  Features bank = fixed_features(40, 0.3);
  CHECK(eval::knn(bank, bank, {1}, {0.07}).table[0].top1 == 1.0);
  std::fill(bank.labels.begin(), bank.labels.end(), 2);
  CHECK(eval::knn(bank, bank, {20}, {0.07}).table[0].top1 == 1.0);
}

TEST_CASE("knn: lengths of features and the order of the bank change nothing", "[eval][knn]") {
  const Features bank = fixed_features(101, 0.3), query = fixed_features(37, 4.1);
  const double want = eval::knn(bank, query, {7}, {0.07}).table[0].top1;
  Features scaled = bank;
  scaled.x_NF = bank.x_NF * 1000;
  CHECK(eval::knn(scaled, query, {7}, {0.07}).table[0].top1 == want);
  Features reversed = bank;
  reversed.x_NF = bank.x_NF.flip({0});
  std::reverse(reversed.labels.begin(), reversed.labels.end());
  CHECK(eval::knn(reversed, query, {7}, {0.07}).table[0].top1 == want);
}

TEST_CASE("knn: k above the bank is the bank, and is reported so", "[eval][knn]") {
  const Features bank = fixed_features(9, 0.3);
  const auto row = eval::knn(bank, bank, {200}, {0.5}).table[0];
  CHECK(row.k == 9);
  CHECK(row.top1 == eval::knn(bank, bank, {9}, {0.5}).table[0].top1);
}

TEST_CASE("knn: of equal votes the smaller class wins", "[eval][knn]") {
  const Features bank{.x_NF = at::tensor({1.f, 0.f, 1.f, 0.f}).view({2, 2}), .labels = {1, 0}};
  const Features query{.x_NF = at::tensor({1.f, 0.f}).view({1, 2}), .labels = {0}};
  CHECK(eval::knn(bank, query, {2}, {0.07}).table[0].top1 == 1.0);
}

TEST_CASE("knn: data without labels is refused", "[eval][knn]") {
  const Features bank = fixed_features(9, 0.3);
  Features bare = bank;
  bare.labels.clear();
  CHECK_THROWS_AS(eval::knn(bank, bare, {1}, {0.07}), DataError);
  CHECK_THROWS_AS(eval::knn(bare, bank, {1}, {0.07}), DataError);
}
