#include "ops/step.h"

#include "ops/embedding_std.h"
#include "ops/rows.h"
#include "tests/support/torch_catch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

using namespace sslrun;

TEST_CASE("embedding_std: 0 for a point, from the definition elsewhere, whatever the rows' lengths",
          "[ops]") {
  CHECK(ops::value(ops::embedding_std(at::ones({8, 4}))) == Approx(0).margin(1e-7));
  // Rows +e_j and -e_j of every dimension: each column holds 1, -1 and zeros, mean 0, variance 2 /
  // (2 D).
  for (const std::int64_t dim : {2, 16, 128}) {
    const at::Tensor eye = at::eye(dim);
    const std::array both = {eye, -eye};
    const at::Tensor z = ops::cat_rows(both);
    const double expected = 1 / std::sqrt(static_cast<double>(dim));
    CHECK(ops::value(ops::embedding_std(z)) == Approx(expected).epsilon(1e-6));
    CHECK(ops::value(ops::embedding_std(z * 1000)) == Approx(expected).epsilon(1e-6));
  }
  CHECK(std::isfinite(ops::value(ops::embedding_std(at::zeros({4, 3})))));
}

TEST_CASE("cat_rows: rows in order, each part receives its own rows' gradient", "[ops]") {
  at::Tensor a = at::arange(6, at::kFloat).view({2, 3}).requires_grad_();
  at::Tensor b = at::arange(3, at::kFloat).view({1, 3}).requires_grad_();
  const std::array parts = {a, b};
  const at::Tensor rows = ops::cat_rows(parts);
  CHECK(rows.sizes() == at::IntArrayRef({3, 3}));
  CHECK(rows[2].equal(b[0]));
  const at::Tensor weight = at::arange(9, at::kFloat).view({3, 3});
  ops::backward((rows * weight).sum(), /*scale=*/0.5);
  CHECK(a.grad().equal(weight.narrow(0, 0, 2) * 0.5));
  CHECK(b.grad().equal(weight.narrow(0, 2, 1) * 0.5));

  const at::Tensor last = at::ones({2, 3, 4, 4}).contiguous(at::MemoryFormat::ChannelsLast);
  const std::array images = {last, last};
  CHECK(ops::cat_rows(images).is_contiguous(at::MemoryFormat::ChannelsLast));
}

TEST_CASE("backward_from: one pass from several tensors; one without a gradient sends none",
          "[ops]") {
  at::Tensor x = at::ones({2}).requires_grad_(), y = at::ones({2}).requires_grad_();
  const at::Tensor shared = x * 3;  // its graph is gone after a pass
  const std::array tensors = {shared * y, shared * 5, y * 7};
  const std::array gradients = {at::arange(2, at::kFloat), at::ones({2}), at::Tensor()};
  ops::backward_from(tensors, gradients);
  CHECK(x.grad().equal(at::arange(2, at::kFloat) * 3 + 15));
  CHECK(y.grad().equal(at::arange(2, at::kFloat) * 3));
}

TEST_CASE("backward: gradients add up over micro-batches", "[ops]") {
  at::Tensor x = at::ones({2}).requires_grad_();
  ops::backward((x * 3).sum(), 0.5);
  ops::backward((x * 5).sum(), 0.5);
  CHECK(x.grad().equal(at::ones({2}) * 4));
}

TEST_CASE("gradient_norm: over all parameters together; not finite where an element is not",
          "[ops]") {
  std::vector<at::Tensor> parameters = {at::ones({2}).requires_grad_(),
                                        at::ones({1, 2}).requires_grad_()};
  CHECK_THROWS_AS(ops::gradient_norm(parameters), std::logic_error);
  parameters[0].mutable_grad() = at::tensor({1.0F, 2.0F});
  parameters[1].mutable_grad() = at::tensor({2.0F, 4.0F}).view({1, 2});
  CHECK(ops::gradient_norm(parameters) == Approx(5).epsilon(1e-6));
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    parameters[1].mutable_grad() = at::tensor({2.0F, bad}).view({1, 2});
    CHECK(!std::isfinite(ops::gradient_norm(parameters)));
  }
}

TEST_CASE("images_to: pixels in rows become channels last images without a copy on the CPU",
          "[ops]") {
  std::vector<float> pixels(2 * 4 * 5 * 3);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<float>(i);
  const at::Tensor images = ops::images_to(pixels.data(), 2, 4, 5, 3, at::kCPU);
  CHECK(images.sizes() == at::IntArrayRef({2, 3, 4, 5}));
  CHECK(images.is_contiguous(at::MemoryFormat::ChannelsLast));
  CHECK(images.data_ptr() == pixels.data());
  CHECK(images[1][2][3][4].item<float>() == pixels[((1 * 4 + 3) * 5 + 4) * 3 + 2]);
}

TEST_CASE("classes_to: rows of classes, none where there are no columns", "[ops]") {
  const std::vector<std::int64_t> values{3, 1, 4, 1, 5, 9};
  const at::Tensor got = ops::classes_to(values.data(), 3, 2, at::kCPU);
  CHECK(got.scalar_type() == at::kLong);
  CHECK(got.equal(at::tensor(values, at::kLong).view({3, 2})));
  CHECK(ops::classes_to(nullptr, 3, 0, at::kCPU).sizes() == std::vector<std::int64_t>{3, 0});
}
