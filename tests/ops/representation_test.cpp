// Diagnostics of embeddings against the golden values of their definitions and their bounds.
#include "ops/representation.h"

#include "tests/ops/golden.h"
#include "tests/support/torch_catch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>

namespace {

using namespace sslrun;
using test::wave;

const at::Tensor z = wave(16, 8, 11.0);

}  // namespace

TEST_CASE("rank_me: the golden values, 1 for one direction, whatever the scale", "[ops]") {
  CHECK(ops::rank_me(z) == Approx(6.28393563).margin(1e-7));
  CHECK(ops::rank_me(at::eye(8, at::kDouble) * 3) == Approx(8.00000691).margin(1e-8));
  CHECK(ops::rank_me(z.t()) == Approx(ops::rank_me(z)).epsilon(1e-6));
  // The noise of seven singular values that are 0.
  CHECK(ops::rank_me(at::ones({16, 8}, at::kDouble)) == Approx(1).margin(1e-4));
  CHECK(ops::rank_me(z * 1e-3) == Approx(ops::rank_me(z)).epsilon(1e-9));
  // Four units of float32, 1.2e-7; 7.7e-9 measured.
  CHECK(ops::rank_me(z.to(at::kFloat)) == Approx(6.28393563).epsilon(4.8e-7));
}

TEST_CASE("effective_rank: the golden value, on centred rows, and 0 for one point", "[ops]") {
  CHECK(ops::effective_rank(z) == Approx(5.47099729).margin(1e-7));
  CHECK(ops::effective_rank(z + 100) == Approx(5.47099729).margin(1e-5));
  CHECK(ops::effective_rank(at::ones({16, 8}, at::kDouble)) == 0);
}

TEST_CASE("alignment and uniformity: the golden values and those of a point and of right angles",
          "[ops]") {
  CHECK(ops::alignment(wave(4, 8, 0.1), wave(4, 8, 0.5)) == Approx(0.15570987).margin(1e-8));
  CHECK(ops::alignment(z, z * 3) == Approx(0).margin(1e-12));
  CHECK(ops::uniformity(z) == Approx(-3.38976638).margin(1e-8));
  CHECK(ops::uniformity(at::eye(8, at::kDouble)) == Approx(-4));
  CHECK(ops::uniformity(at::ones({5, 3}, at::kDouble)) == Approx(0).margin(1e-12));
}

TEST_CASE("contrast_stats: own keys against all others, and how often they are the nearest",
          "[ops]") {
  const at::Tensor q = at::tensor({1.0, 0.0, 0.0, 2.0}).view({2, 2});
  const at::Tensor k = at::tensor({3.0, 0.0, 1.0, 0.0, 0.0, 1.0}).view({3, 2});
  const ops::ContrastStats got = ops::contrast_stats(q, k);
  CHECK(got.positive_cosine.item<double>() == Approx(0.5));
  CHECK(got.negative_cosine.item<double>() == Approx((1.0 + 0 + 0 + 1) / 4));
  CHECK(got.top1.item<double>() == 0.5);
}

TEST_CASE("assignment_stats: a uniform teacher, one prototype, and one prototype for each",
          "[ops]") {
  const ops::AssignmentStats flat = ops::assignment_stats(at::full({6, 4}, 0.25));
  CHECK(flat.entropy.item<double>() == Approx(std::log(4.0)));
  CHECK(flat.kl_from_uniform.item<double>() == Approx(0).margin(1e-6));
  CHECK(flat.classes_used.item<double>() == Approx(4));
  const at::Tensor one = at::zeros({6, 4});
  one.select(1, 2).fill_(1);
  const ops::AssignmentStats same = ops::assignment_stats(one);
  CHECK(same.entropy.item<double>() == Approx(0).margin(1e-6));
  CHECK(same.kl_from_uniform.item<double>() == Approx(std::log(4.0)));
  CHECK(same.classes_used.item<double>() == Approx(1));
  const ops::AssignmentStats each = ops::assignment_stats(at::eye(4));
  CHECK(each.entropy.item<double>() == Approx(0).margin(1e-6));
  CHECK(each.classes_used.item<double>() == Approx(4));
}
