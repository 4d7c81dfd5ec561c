#include "train/nonfinite.h"

#include "base/error.h"
#include "tests/support/torch_catch.h"
#include "train/kept_buffers.h"

#include <ATen/ops/full.h>

#include <cmath>
#include <set>
#include <string>

using namespace sslrun;

namespace {

train::NonfiniteStep bad(std::int64_t step) {
  return {.step = step,
          .loss = std::nan(""),
          .grad_norm = HUGE_VAL,
          .lr = 0.1,
          .precision = "bf16",
          .samples = "run/nonfinite.json"};
}

}  // namespace

TEST_CASE("nonfinite: stop names the figures, the keys to change and the images",
          "[train][nonfinite]") {
  try {
    train::after_nonfinite("stop", {7}, bad(7));
    FAIL("stop must end the run");
  } catch (const NumericsError& e) {
    CHECK_THAT(
        e.what(),
        Catch::Contains("at step 7 the loss is nan and the gradient's norm inf (lr 0.1, bf16)") &&
            Catch::Contains("'run/nonfinite.json'") && Catch::Contains("not applied") &&
            Catch::Contains("train.on_nonfinite: skip or rollback"));
  }
}

TEST_CASE("nonfinite: skip tells of five steps in all, and ends the run after ten in a row",
          "[train][nonfinite]") {
  std::set<std::int64_t> left_out;
  int told = 0;
  const auto skip = [&](std::int64_t step) {
    left_out.insert(step);
    return train::after_nonfinite("skip", left_out, bad(step));
  };
  for (std::int64_t step = 1; step <= 9; ++step) told += skip(step).empty() ? 0 : 1;
  CHECK(told == 5);
  for (std::int64_t step = 11; step <= 19; ++step) CHECK_NOTHROW(skip(step));
  CHECK_THROWS_AS(skip(20), NumericsError);
}

TEST_CASE("nonfinite: rollback says which step is to blame", "[train][nonfinite]") {
  try {
    train::after_nonfinite("rollback", {3, 7}, bad(7));
    FAIL("rollback must be asked for");
  } catch (const train::NonfiniteError& e) {
    CHECK(e.step() == 7);
  }
}

TEST_CASE("nonfinite: buffers become what they were, whatever their type", "[train][nonfinite]") {
  const at::Tensor mean = at::full({8}, 0.5), count = at::full({}, 9, at::kLong);
  train::KeptBuffers kept({{"m", mean}, {"n", count}});
  for (const double before : {0.25, 0.75}) {
    mean.fill_(before);
    kept.keep();
    mean.fill_(std::nan(""));
    count.fill_(10);
    kept.put_back();
    CHECK(mean.equal(at::full({8}, before)));
    CHECK(count.item<std::int64_t>() == 9);
  }
}
