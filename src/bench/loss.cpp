// Losses, forward and backward: ours beside their official form with LibTorch's operations.  N rows,
// D columns, K classes.
#include "bench/loss.h"

#include "base/error.h"
#include "base/philox.h"
#include "bench/official_losses.h"
#include "dist/world.h"
#include "ops/info_nce.h"
#include "ops/nt_xent.h"
#include "ops/redundancy.h"
#include "ops/rows.h"
#include "ops/sinkhorn.h"
#include "ops/soft_cross_entropy.h"
#include "ops/step.h"
#include "ops/unit_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <torch/version.h>

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace sslrun::bench {
namespace {

using Loss = std::function<at::Tensor()>;

at::Tensor normals(at::IntArrayRef shape, double size, std::uint32_t seed) {
  const at::Tensor x = at::empty(shape, at::kFloat);
  Rng rng(0, Purpose::kProbe, 0, seed, 0);
  float* const data = x.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < x.numel(); ++i) data[i] = static_cast<float>(size * rng.normal());
  return x;
}

at::Tensor leaf(const at::Tensor& x) {
  x.requires_grad_(true);
  return x;
}

/// Two views: normal numbers, and the same with three tenths as much noise.
std::vector<at::Tensor> two_views(std::int64_t images, std::int64_t dim) {
  const at::Tensor a_ND = normals({images, dim}, 1, 0);
  const at::Tensor b_ND = a_ND + normals({images, dim}, 0.3, 1);
  return {leaf(a_ND), leaf(b_ND)};
}

Prepared pair(std::function<void()> ours, std::function<void()> official, std::string note) {
  return {.contenders = {{.tool = "sslrun", .suffix = "", .once = std::move(ours)},
                         {.tool = "libtorch", .suffix = "_eager", .once = std::move(official)}},
          .note = std::move(note),
          .versions = {{"libtorch", TORCH_VERSION}}};
}

/// Ours, then the official form; a repetition is a forward and a backward pass to `inputs`.
Prepared beside(const std::vector<at::Tensor>& inputs, const Loss& ours, const Loss& official) {
  const double our_value = ops::value(ours()), their_value = ops::value(official());
  if (!(std::abs(our_value - their_value) <= 1e-4 * std::abs(their_value))) {
    throw NumericsError(fmt::format(
        "bench: both versions of a loss must agree, got {} and {}", our_value, their_value));
  }
  const auto once = [&inputs](const Loss& loss) {
    return [inputs, loss] {
      ops::backward(loss(), 1.0);
      for (const at::Tensor& input : inputs) input.mutable_grad().reset();  // counted as memory
    };
  };
  return pair(once(ours),
              once(official),
              fmt::format("float32; loss {:.5f}, eager {:.5f}", our_value, their_value));
}

}  // namespace

Prepared prepare_ntxent(std::int64_t images, std::int64_t dim) {
  constexpr double kTemperature = 0.5;
  const std::vector<at::Tensor> z = two_views(images, dim);
  return beside(
      z,
      [z] { return ops::nt_xent(ops::cat_rows(z), kTemperature); },
      [z] { return official_nt_xent(ops::cat_rows(z), kTemperature); });
}

Prepared prepare_dino(std::int64_t images, std::int64_t classes, std::int64_t local) {
  constexpr double kStudent = 0.1, kTeacher = 0.04;
  const at::Tensor student_SNK = leaf(normals({2 + local, images, classes}, 0.1, 0)),
                   teacher_TNK = normals({2, images, classes}, 0.1, 1),
                   center_K = at::zeros({classes}, at::kFloat);
  return beside(
      {student_SNK},
      [=] {
        return ops::self_distillation(student_SNK, teacher_TNK, center_K, kStudent, kTeacher);
      },
      [=] { return official_dino(student_SNK, teacher_TNK, center_K, kStudent, kTeacher); });
}

Prepared prepare_barlow(std::int64_t images, std::int64_t dim) {
  constexpr double kLambda = 0.0051;
  const std::vector<at::Tensor> z = two_views(images, dim);
  const auto normed = [](const at::Tensor& x_ND) {
    return at::batch_norm(x_ND, {}, {}, {}, {}, /*training=*/true, 0.1, 1e-5, /*cudnn=*/false);
  };
  return beside(
      z,
      [=] { return ops::barlow_twins(normed(z[0]), normed(z[1]), kLambda); },
      [=] { return official_barlow_twins(normed(z[0]), normed(z[1]), kLambda); });
}

Prepared prepare_vicreg(std::int64_t images, std::int64_t dim) {
  const std::vector<at::Tensor> z = two_views(images, dim);
  return beside(
      z,
      [z] {
        const ops::VicRegTerms terms = ops::vicreg(z[0], z[1]);
        return terms.invariance * 25 + terms.variance * 25 + terms.covariance;
      },
      [z] { return official_vicreg(z[0], z[1]); });
}

Prepared prepare_info_nce_queue(std::int64_t images, std::int64_t queue) {
  constexpr double kTemperature = 0.2;
  constexpr std::int64_t kDim = 128;
  const at::Tensor queue_MD = ops::unit_rows(normals({queue, kDim}, 1, 2));
  const std::vector<at::Tensor> z = two_views(images, kDim);
  const at::Tensor q_ND = z[0], k_ND = z[1].detach();
  return beside(
      {q_ND},
      [=] { return ops::info_nce_queue(q_ND, k_ND, queue_MD, kTemperature); },
      [=] { return official_moco(q_ND, k_ND, queue_MD, kTemperature); });
}

Prepared prepare_sinkhorn(std::int64_t samples, std::int64_t prototypes) {
  constexpr double kEps = 0.05;
  constexpr std::int64_t kIterations = 3, kDim = 128;
  const at::Tensor scores_BK = ops::unit_rows(normals({samples, kDim}, 1, 0))
                                   .matmul(ops::unit_rows(normals({prototypes, kDim}, 1, 1)).t());
  const auto ours = [=] {
    return ops::sinkhorn(scores_BK, kEps, kIterations, *dist::single_world(), ops::kCosineLimit);
  };
  const auto official = [=] { return official_sinkhorn(scores_BK, kEps, kIterations); };
  const double difference = ops::value((ours() - official()).abs().max());
  if (!(difference <= 1e-4)) {
    throw NumericsError(fmt::format(
        "bench: both versions of an assignment must agree to 1e-4, they differ by {}", difference));
  }
  return pair(ours, official, fmt::format("float32; largest difference {:.1e}", difference));
}

Prepared prepare_patches(std::int64_t patches, std::int64_t classes) {
  constexpr double kStudent = 0.1, kTeacher = 0.07;
  constexpr std::int64_t kIterations = 3;
  const at::Tensor student_NK = leaf(normals({patches, classes}, 0.1, 0)),
                   teacher_NK = normals({patches, classes}, 0.1, 1),
                   weight_N = at::full({patches}, 1 / static_cast<double>(patches), at::kFloat);
  return beside(
      {student_NK},
      [=] {
        const at::Tensor center_K =
            ops::sinkhorn_center(teacher_NK, kTeacher, kIterations, *dist::single_world());
        return ops::weighted_self_distillation(
            student_NK, teacher_NK, center_K, weight_N, kStudent, kTeacher);
      },
      [=] {
        return official_dinov2_patches(student_NK, teacher_NK, kStudent, kTeacher, kIterations);
      });
}

extern const Case case_ntxent_8192x128{
    "ntxent_8192x128",
    "loss",
    "ms",
    "NT-Xent of 8192 x 128, forward and backward, beside its matrix form (_eager)",
    Memory::kExtra,
    [](const CaseSettings&) { return prepare_ntxent(4096, 128); }};

extern const Case case_dino_32x65536_2_8{
    "dino_32x65536_2+8",
    "loss",
    "ms",
    "DINO's loss of 32 images, 65,536 classes, 2 + 8 views, beside the official form (_eager)",
    Memory::kExtra,
    [](const CaseSettings&) { return prepare_dino(32, 65536, 8); }};

extern const Case case_barlow_256x8192{
    "barlow_256x8192",
    "loss",
    "ms",
    "Barlow Twins of 256 x 8192 with its batch norm, beside the official form (_eager)",
    Memory::kExtra,
    [](const CaseSettings&) { return prepare_barlow(256, 8192); }};

extern const Case case_vicreg_256x8192{
    "vicreg_256x8192",
    "loss",
    "ms",
    "VICReg of 256 x 8192, beside the official form (_eager)",
    Memory::kExtra,
    [](const CaseSettings&) { return prepare_vicreg(256, 8192); }};

extern const Case case_info_nce_queue_256x65536{
    "info_nce_queue_256x65536",
    "loss",
    "ms",
    "MoCo's loss of 256 queries and a queue of 65,536, beside the official form (_eager)",
    Memory::kExtra,
    [](const CaseSettings&) { return prepare_info_nce_queue(256, 65536); }};

extern const Case case_sinkhorn_4096x3000{
    "sinkhorn_4096x3000",
    "loss",
    "ms",
    "SwAV's assignments of 4096 samples to 3000 prototypes, beside the official form (_eager)",
    Memory::kExtra,
    [](const CaseSettings&) { return prepare_sinkhorn(4096, 3000); }};

extern const Case case_patches_256x65536{
    "patches_256x65536",
    "loss",
    "ms",
    "DINOv2's loss of 256 patches, 65,536 classes, even shares, beside the official form (_eager)",
    Memory::kExtra,
    [](const CaseSettings&) { return prepare_patches(256, 65536); }};

}  // namespace sslrun::bench
