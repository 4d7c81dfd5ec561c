// How many processes can share out a recipe.
#include "tests/recipe/support.h"
#include "tests/support/catch.h"

#include <string>
#include <vector>

namespace sslrun::recipe {
namespace {

/// The first mistake, drawn; "" where so many ranks can train it.
std::string refusal(const LoadedRecipe& loaded, std::int64_t ranks) {
  try {
    require_ranks(loaded, ranks);
  } catch (const config::ConfigError& e) {
    return config::render(e.diagnostics().front());
  }
  return "";
}

using Catch::Matchers::Contains;

}  // namespace

TEST_CASE("recipe: processes share out each micro-batch evenly, or are told which batch would do",
          "[recipe]") {
  const Workplace work;
  const LoadedRecipe whole = work.load(kGood, {"train.batch_size=12"});
  for (const std::int64_t ranks : {1, 2, 3, 4, 6, 12}) CHECK(refusal(whole, ranks) == "");
  CHECK_THAT(refusal(whole, 5),
             Contains("--set train.batch_size=12") &&
                 Contains("train.batch_size: must be shared out evenly to 5 processes, got 12") &&
                 Contains("10 or 15, or another number of processes"));
  CHECK_THAT(refusal(whole, 24), Contains("24, or another number of processes"));
  const LoadedRecipe parts = work.load(kGood, {"train.batch_size=12", "train.accumulate=3"});
  for (const std::int64_t ranks : {1, 2, 4}) CHECK(refusal(parts, ranks) == "");
  CHECK_THAT(refusal(parts, 3),
             Contains("evenly to 3 processes times 3 micro-batches, got 12") &&
                 Contains("9 or 18, or another"));
}

TEST_CASE("recipe: processes share out the groups of MoCo's split batch norm", "[recipe]") {
  const Workplace work;
  const LoadedRecipe split =
      work.load(kGood, {"train.batch_size=12", "method={name: moco, queue: 24, split_bn: 4}"});
  for (const std::int64_t ranks : {1, 2, 4}) CHECK(refusal(split, ranks) == "");
  CHECK_THAT(refusal(split, 3), Contains("a split_bn that 3 processes share out evenly, got 4"));
  const LoadedRecipe together =
      work.load(kGood, {"train.batch_size=12", "method={name: moco, queue: 24}"});
  CHECK(refusal(together, 3) == "");
}

}  // namespace sslrun::recipe
