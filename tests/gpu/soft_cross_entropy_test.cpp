// The cross entropy with a teacher's softmax on the GPU against the same arithmetic on the CPU. The
// tolerances are allowances, not measurements (RESULTS.md): sums run in the same order, but with fmaf
// on one side.
#include "kernels/loss/soft_cross_entropy.h"

#include "kernels/loss/soft_cross_entropy_core.h"
#include "tests/gpu/support.h"

#include <algorithm>
#include <type_traits>

namespace {

using namespace sslrun;
using namespace sslrun::kernels;
using namespace sslrun::test;

constexpr double kLossAllowed = 1e-5;      // largest difference, per 1 + |loss|
constexpr double kGradientAllowed = 4e-5;  // relative L2 in float32; 4e-3 in bfloat16

struct Shape {
  std::int64_t teachers, students, images, cols;
  bool other_views;
};

struct Outcome {
  std::vector<float> loss, gradient;
};

template <class T>
std::vector<T> logits(std::int64_t n, std::uint32_t seed) {
  std::vector<T> out(static_cast<std::size_t>(n));
  Rng rng(seed, Purpose::kProbe, 0, 0, 0);
  for (T& x : out) {
    const auto v = static_cast<float>(0.3 * rng.normal());
    if constexpr (std::is_same_v<T, float>)
      x = v;
    else
      x = to_bf16(v);
  }
  return out;
}

template <class T>
std::vector<float> wide(const std::vector<T>& x) {
  if constexpr (std::is_same_v<T, float>) {
    return x;
  } else {
    std::vector<float> out;
    for (const T v : x) out.push_back(from_bf16(v));
    return out;
  }
}

SoftCrossEntropyArgs arguments(const Shape& shape) {
  return {.teacher = {},
          .student = {},
          .center = nullptr,
          .images = shape.images,
          .cols = shape.cols,
          .teachers = shape.teachers,
          .students = shape.students,
          .other_views = shape.other_views,
          .teacher_inv_temp = 25.f,
          .student_inv_temp = 10.f,
          .teacher_lse = nullptr,
          .student_lse = nullptr,
          .mass = nullptr};
}

template <class T>
void compare(const Shape& shape, double gradient_allowed, double& worst_loss, double& worst) {
  constexpr bool kBf16 = !std::is_same_v<T, float>;
  const std::vector<T> teacher = logits<T>(shape.teachers * shape.images * shape.cols, 1),
                       student = logits<T>(shape.students * shape.images * shape.cols, 2);
  const std::vector<float> center = logits<float>(shape.cols, 3),
                           upstream = logits<float>(shape.students * shape.images, 4),
                           teacher_room(static_cast<std::size_t>(shape.teachers * shape.images)),
                           room(upstream.size());
  std::vector<float> teacher_lse = teacher_room, student_lse = room, mass = room, loss = room;
  std::vector<T> gradient(student.size());
  SoftCrossEntropyArgs args = arguments(shape);
  args.teacher = {teacher.data(), kBf16};
  args.student = {student.data(), kBf16};
  args.center = center.data();
  args.teacher_lse = teacher_lse.data();
  args.student_lse = student_lse.data();
  args.mass = mass.data();
  args.loss = loss.data();
  soft_cross_entropy_forward(args, Cpu{});
  soft_cross_entropy_backward(args, upstream.data(), gradient.data(), Cpu{});

  const DeviceArray<T> teacher_there(teacher), student_there(student), gradient_there(student);
  const DeviceArray<float> center_there(center), upstream_there(upstream),
      teacher_lse_there(teacher_room), student_lse_there(room), mass_there(room), loss_there(room);
  args.teacher.data = teacher_there.data();
  args.student.data = student_there.data();
  args.center = center_there.data();
  args.teacher_lse = teacher_lse_there.data();
  args.student_lse = student_lse_there.data();
  args.mass = mass_there.data();
  args.loss = loss_there.data();
  const Stream stream;
  soft_cross_entropy_forward(args, stream.device());
  soft_cross_entropy_backward(args, upstream_there.data(), gradient_there.data(), stream.device());
  stream.wait();

  const std::vector<float> got = loss_there.host();
  for (std::size_t i = 0; i < loss.size(); ++i) {
    const double error = std::abs(static_cast<double>(got[i]) - static_cast<double>(loss[i])) /
                         (1 + std::abs(static_cast<double>(loss[i])));
    CHECK(error <= kLossAllowed);
    worst_loss = std::max(worst_loss, error);
  }
  const double error = relative_l2(wide(gradient_there.host()), wide(gradient));
  CHECK(error <= gradient_allowed);
  worst = std::max(worst, error);
}

}  // namespace

TEST_CASE("soft_cross_entropy: the GPU gives the CPU's loss and gradient, around tiles' edges",
          "[gpu][loss]") {
  double loss = 0, gradient = 0, loss_bf16 = 0, gradient_bf16 = 0;
  for (const std::int64_t cols : {1, 31, 33, 1023, 1024, 1025, 8192, 8193, 65536}) {
    for (const Shape shape :
         {Shape{2, 10, 3, cols, true}, Shape{1, 1, 5, cols, false}, Shape{3, 2, 1, cols, true}}) {
      INFO(cols << " columns, " << shape.teachers << " and " << shape.students << " views");
      compare<float>(shape, kGradientAllowed, loss, gradient);
      compare<std::uint16_t>(shape, 100 * kGradientAllowed, loss_bf16, gradient_bf16);
    }
  }
  report("soft_cross_entropy forward", "loss error / (1 + |loss|)", loss, kLossAllowed);
  report("soft_cross_entropy backward", "relative L2 error", gradient, kGradientAllowed);
  report("the same, bfloat16", "relative L2 error", gradient_bf16, 100 * kGradientAllowed);
}
