#include "train/diagnose.h"

#include "tests/support/torch_catch.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/eye.h>

#include <map>
#include <string>

using namespace sslrun;

namespace {

std::map<std::string, double> ranks(const at::Tensor& x_NF) {
  const auto told = train::describe_features(x_NF);
  return {told.begin(), told.end()};
}

}  // namespace

TEST_CASE("describe_features: how many directions a data set fills, though its classes are sorted",
          "[train]") {
  // Forty of each of four classes, each class one direction: more images than are looked at.
  const at::Tensor sorted = at::eye(4).repeat_interleave(40, 0);
  const auto whole = ranks(sorted);
  // Ten rows for each of four features, drawn: 4 where the draw is even.
  CHECK(whole.at("encoder_rank_me") == Approx(4).epsilon(0.05));
  CHECK(whole.at("encoder_effective_rank") == Approx(3).epsilon(0.05));  // centred: one less
  const auto one = ranks(at::eye(4).narrow(0, 2, 1).expand({160, 4}));
  CHECK(one.at("encoder_rank_me") == Approx(1).margin(1e-5));
  CHECK(one.at("encoder_effective_rank") == 0);
  const auto few = ranks(at::eye(4).narrow(0, 0, 2));
  CHECK(few.at("encoder_rank_me") == Approx(2).margin(1e-5));
}
