#include "ops/soft_cross_entropy.h"

#include "base/error.h"
#include "kernels/loss/soft_cross_entropy.h"
#include "ops/autocast.h"
#include "ops/device.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <fmt/format.h>

namespace sslrun::ops {
namespace {

/// Student's views, and what they are compared with: all of the teacher's, or all others.
struct Pairs {
  at::Tensor student_VNK, teacher_QNK;
  at::Tensor center_K;  // undefined: teacher_QNK holds the targets themselves
  double student_temperature, teacher_temperature = 1;
  bool other_views = false;
};

/// What the kernel's two passes share; autograd keeps it between them.
struct Problem {
  torch::autograd::variable_list tensors;  // student, teacher, center or none, and the kernel's own
  double student_temperature, teacher_temperature;
  bool other_views;

  kernels::SoftCrossEntropyArgs arguments() const {
    const at::Tensor &student = tensors[0], &teacher = tensors[1], &center = tensors[2];
    return {.teacher = rows(teacher),
            .student = rows(student),
            .center = center.numel() > 0 ? center.const_data_ptr<float>() : nullptr,
            .images = student.size(1),
            .cols = student.size(2),
            .teachers = teacher.size(0),
            .students = student.size(0),
            .other_views = other_views,
            .teacher_inv_temp = static_cast<float>(1 / teacher_temperature),
            .student_inv_temp = static_cast<float>(1 / student_temperature),
            .teacher_lse = tensors[3].mutable_data_ptr<float>(),
            .student_lse = tensors[4].mutable_data_ptr<float>(),
            .mass = tensors[5].mutable_data_ptr<float>()};
  }

  static kernels::LogitRows rows(const at::Tensor& x) {
    return {x.const_data_ptr(), x.scalar_type() == at::kBFloat16};
  }
};

struct ByKernel final : torch::autograd::Function<ByKernel> {
  static at::Tensor forward(torch::autograd::AutogradContext* context,
                            const at::Tensor& student_VNK,
                            const at::Tensor& teacher_QNK,
                            const at::Tensor& center_K,
                            double student_temperature,
                            double teacher_temperature,
                            bool other_views) {
    const auto room = [&](const at::Tensor& of) {
      return at::empty({of.size(0), of.size(1)}, of.options().dtype(at::kFloat));
    };
    const Problem problem{{student_VNK.contiguous(),
                           teacher_QNK.contiguous(),
                           center_K,
                           room(teacher_QNK),
                           room(student_VNK),
                           room(student_VNK)},
                          student_temperature,
                          teacher_temperature,
                          other_views};
    const at::Tensor loss_VN = room(student_VNK);
    kernels::SoftCrossEntropyArgs args = problem.arguments();
    args.loss = loss_VN.mutable_data_ptr<float>();
    on_device(student_VNK, [&](auto device) { kernels::soft_cross_entropy_forward(args, device); });
    context->save_for_backward(problem.tensors);
    context->saved_data["student_temperature"] = student_temperature;
    context->saved_data["teacher_temperature"] = teacher_temperature;
    context->saved_data["other_views"] = other_views;
    return loss_VN;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& upstream) {
    const Problem problem{context->get_saved_variables(),
                          context->saved_data["student_temperature"].toDouble(),
                          context->saved_data["teacher_temperature"].toDouble(),
                          context->saved_data["other_views"].toBool()};
    const at::Tensor gradient_VNK = at::empty_like(problem.tensors[0]);
    const at::Tensor upstream_VN = upstream[0].contiguous();
    on_device(gradient_VNK, [&](auto device) {
      kernels::soft_cross_entropy_backward(problem.arguments(),
                                           upstream_VN.const_data_ptr<float>(),
                                           gradient_VNK.mutable_data_ptr(),
                                           device);
    });
    return {gradient_VNK, {}, {}, {}, {}, {}};
  }
};

/// In float64, with tensor operations.
at::Tensor by_softmax(const Pairs& p) {
  const at::Tensor scaled_VNK = p.student_VNK / p.student_temperature;
  const at::Tensor target_QNK =
      p.center_K.defined() ? centered_softmax(p.teacher_QNK, p.center_K, p.teacher_temperature)
                           : p.teacher_QNK.detach();
  at::Tensor loss_VN = at::zeros({}, scaled_VNK.options());
  for (std::int64_t q = 0; q < target_QNK.size(0); ++q) {
    const at::Tensor target_NK = target_QNK[q];
    at::Tensor h_VN =
        target_NK.sum(1) * scaled_VNK.logsumexp({2}) - (target_NK * scaled_VNK).sum(2);
    if (p.other_views) {
      const at::Tensor other_V1 = at::arange(h_VN.size(0), h_VN.options()).ne(q).unsqueeze(1);
      h_VN = h_VN * other_V1;
    }
    loss_VN = loss_VN + h_VN;
  }
  return loss_VN;
}

/// A dtype that the kernel reads.
at::Tensor readable(const at::Tensor& x) {
  return x.scalar_type() == at::kBFloat16 ? x : x.to(at::kFloat);
}

/// [V, N]: for each of student's views and images the sum of H over its pairs.
at::Tensor entropies(const Pairs& p) {
  for (const double temperature : {p.student_temperature, p.teacher_temperature}) {
    if (temperature > 0) continue;
    throw UsageError(
        fmt::format("temperature of a soft cross entropy must be > 0, got {}", temperature));
  }
  const FullPrecision full(p.student_VNK.device());
  if (p.student_VNK.scalar_type() == at::kDouble) return by_softmax(p);
  // A copy of the center: it may move before the backward pass.
  const at::Tensor center_K =
      p.center_K.defined()
          ? p.center_K.detach().to(at::kFloat, /*non_blocking=*/false, /*copy=*/true)
          : at::empty({0}, p.student_VNK.options().dtype(at::kFloat));
  return ByKernel::apply(readable(p.student_VNK),
                         readable(p.teacher_QNK.detach()),
                         center_K,
                         p.student_temperature,
                         p.teacher_temperature,
                         p.other_views);
}

/// H of every row, where student and teacher are [N, K].
at::Tensor rows(Pairs p) {
  if (p.student_VNK.dim() != 2 || p.student_VNK.sizes() != p.teacher_QNK.sizes())
    throw UsageError("logits and targets of a soft cross entropy must both be [N, K]");
  p.student_VNK = p.student_VNK.unsqueeze(0);
  p.teacher_QNK = p.teacher_QNK.unsqueeze(0);
  return entropies(p).squeeze(0);
}

void check_center(const at::Tensor& center_K, const at::Tensor& teacher) {
  if (center_K.dim() != 1 || center_K.size(0) != teacher.size(-1))
    throw UsageError("the center of a teacher's outputs must be [K]");
}

/// The mean over the images and the pairs of different views.
at::Tensor mean_of_others(Pairs p) {
  const std::int64_t views = p.student_VNK.size(0), targets = p.teacher_QNK.size(0);
  if (p.student_VNK.dim() != 3 || p.teacher_QNK.dim() != 3 || views < 2 || targets < 1 ||
      targets > views || p.student_VNK[0].sizes() != p.teacher_QNK[0].sizes()) {
    throw UsageError(
        "student and targets must be [V, N, K] and [Q, N, K] with 1 <= Q <= V, V >= 2");
  }
  p.other_views = true;
  return entropies(p).mean(1).sum() / static_cast<double>(targets * (views - 1));
}

}  // namespace

at::Tensor soft_cross_entropy(const at::Tensor& logits_NK,
                              const at::Tensor& target_NK,
                              double temperature) {
  return rows({.student_VNK = logits_NK,
               .teacher_QNK = target_NK,
               .center_K = {},
               .student_temperature = temperature})
      .mean();
}

at::Tensor swapped_cross_entropy(const at::Tensor& student_VNK,
                                 const at::Tensor& target_QNK,
                                 double temperature) {
  return mean_of_others({.student_VNK = student_VNK,
                         .teacher_QNK = target_QNK,
                         .center_K = {},
                         .student_temperature = temperature});
}

at::Tensor centered_softmax(const at::Tensor& teacher_QNK,
                            const at::Tensor& center_K,
                            double temperature) {
  const at::NoGradGuard no_grad;
  const FullPrecision full(teacher_QNK.device());
  return ((at_full_precision(teacher_QNK) - center_K) / temperature).softmax(-1);
}

at::Tensor self_distillation(const at::Tensor& student_VNK,
                             const at::Tensor& teacher_QNK,
                             const at::Tensor& center_K,
                             double student_temperature,
                             double teacher_temperature) {
  check_center(center_K, teacher_QNK);
  return mean_of_others({.student_VNK = student_VNK,
                         .teacher_QNK = teacher_QNK,
                         .center_K = center_K,
                         .student_temperature = student_temperature,
                         .teacher_temperature = teacher_temperature});
}

at::Tensor weighted_self_distillation(const at::Tensor& student_NK,
                                      const at::Tensor& teacher_NK,
                                      const at::Tensor& center_K,
                                      const at::Tensor& weight_N,
                                      double student_temperature,
                                      double teacher_temperature) {
  check_center(center_K, teacher_NK);
  const at::Tensor h_N = rows({.student_VNK = student_NK,
                               .teacher_QNK = teacher_NK,
                               .center_K = center_K,
                               .student_temperature = student_temperature,
                               .teacher_temperature = teacher_temperature});
  return (h_N * weight_N.detach().to(h_N.scalar_type())).sum();
}

}  // namespace sslrun::ops
