#include "ops/patches.h"

#include "ops/feature_prediction.h"
#include "tests/ops/golden.h"
#include "tests/support/torch_catch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

namespace {

using namespace sslrun;
using test::wave;

/// methods.md's image: sin(8 + 0.1 k) as [1, 3, 8, 8].
at::Tensor picture() {
  return (at::arange(192, at::kDouble) * 0.1 + 8).sin().view({1, 3, 8, 8});
}

at::Tensor mask() {
  return at::tensor({1, 0, 1, 1}, at::kLong).to(at::kBool).unsqueeze(0);
}

double squared(const at::Tensor& predicted, const at::Tensor& target) {
  return ops::hidden_pixel_loss(predicted, target, mask(), ops::PixelError::kSquared)
      .item<double>();
}

}  // namespace

// Expected values: facebookresearch/mae run in float64 on these inputs, printed to 8 digits.
TEST_CASE("patches: rows are patches, in them rows of pixels, in them channels", "[ops][patches]") {
  const at::Tensor patches_NMP = ops::patchify(picture(), 4);
  CHECK(patches_NMP.sizes().vec() == std::vector<std::int64_t>{1, 4, 48});
  const double expected[] = {.98935825, .96565778, .92879523, .96988981};
  // k = 0 (channel 0), 64, 128, then the next pixel.
  const double first[] = {std::sin(8.0), std::sin(14.4), std::sin(20.8), std::sin(8.1)};
  for (std::int64_t i = 0; i < 4; ++i) {
    CHECK(patches_NMP[0][0][i].item<double>() == Approx(first[i]).margin(1e-9));
    CHECK(patches_NMP[0][0][i].item<double>() == Approx(expected[i]).margin(1e-8));
  }
  CHECK(ops::unpatchify(patches_NMP, 4, 8, 8).equal(picture()));
  const at::Tensor wide = wave(6, 4 * 8, 0.3).view({2, 3, 4, 8});
  CHECK(ops::unpatchify(ops::patchify(wide, 2), 2, 4, 8).equal(wide));
}

TEST_CASE("patches: MAE's loss is the official one, of raw and of normalised pixels",
          "[ops][patches]") {
  const at::Tensor target_NMP = ops::patchify(picture(), 4);
  const at::Tensor predicted_NMP = wave(4, 48, 9).unsqueeze(0);
  CHECK(squared(predicted_NMP, target_NMP) == Approx(1.01257621).margin(1e-8));
  const at::Tensor normal_NMP = ops::normalize_patches(target_NMP);
  CHECK(squared(predicted_NMP, normal_NMP) == Approx(1.47800730).margin(1e-8));
  CHECK(squared(at::zeros({1, 4, 48}, at::kDouble), normal_NMP) ==
        Approx(.97916463).margin(1e-8));  // 47/48, by the unbiased variance
}

TEST_CASE("patches: kept patches have no gradient, hidden ones that of finite differences",
          "[ops][patches]") {
  const at::Tensor target_NMP = ops::patchify(picture(), 4);
  for (const auto error : {ops::PixelError::kSquared, ops::PixelError::kAbsolute}) {
    const auto loss = [&](const at::Tensor& p) {
      return ops::hidden_pixel_loss(p.view({1, 4, 48}), target_NMP, mask(), error);
    };
    const at::Tensor values = wave(4, 48, 9);
    CHECK(test::gradient_error(values, loss) < 1e-9);
    const at::Tensor leaf = test::leaf(values);
    loss(leaf).backward();
    CHECK(leaf.grad()[1].abs().max().item<double>() == 0);
    CHECK(leaf.grad()[0].abs().min().item<double>() > 0);
  }
}

TEST_CASE(
    "feature_prediction: smooth L1 is quadratic below 1 and linear above, targets are constants",
    "[ops]") {
  const at::Tensor z = at::tensor({0.5, -3.0}, at::kDouble).view({1, 1, 2});
  CHECK(ops::smooth_l1(z, at::zeros({1, 1, 2}, at::kDouble)).item<double>() ==
        Approx((0.125 + 2.5) / 2));
  const at::Tensor target = test::leaf(wave(2, 6, 1).unsqueeze(0));
  const at::Tensor predicted = test::leaf(wave(2, 6, 2).unsqueeze(0));
  ops::smooth_l1(predicted, target).backward();
  CHECK(!target.grad().defined());
  CHECK(test::gradient_error(wave(2, 6, 2), [&](const at::Tensor& p) {
          return ops::smooth_l1(p.view({1, 2, 6}), target);
        }) < 1e-9);
  const at::Tensor normal = ops::normalize_tokens(target);
  CHECK(!normal.requires_grad());
  CHECK(normal.mean({2}).abs().max().item<double>() < 1e-12);
  CHECK((normal.var({2}, false) - 1).abs().max().item<double>() < 1e-3);
}
