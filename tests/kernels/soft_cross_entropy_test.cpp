#include "kernels/loss/soft_cross_entropy.h"

#include "base/philox.h"
#include "base/thread_pool.h"
#include "kernels/loss/soft_cross_entropy_core.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace sslrun::kernels {
namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

struct Shape {
  std::int64_t teachers, students, images, cols;
  bool other_views;
  double teacher_temperature = 0.04, student_temperature = 0.1;

  std::size_t size(std::int64_t views) const {
    return static_cast<std::size_t>(views * images * cols);
  }
};

Floats normals(std::size_t n, double size, std::uint32_t seed) {
  Rng rng(seed, Purpose::kProbe, 0, 0, 0);
  Floats v(n);
  for (float& x : v) x = static_cast<float>(size * rng.normal());
  return v;
}

Doubles softmax(const float* x, const float* center, std::int64_t n, double temperature) {
  Doubles p(static_cast<std::size_t>(n));
  const auto at = [&](std::size_t k) {
    return (double(x[k]) - (center ? double(center[k]) : 0.0)) / temperature;
  };
  double max = -INFINITY, sum = 0;
  for (std::size_t k = 0; k < p.size(); ++k) max = std::max(max, at(k));
  for (std::size_t k = 0; k < p.size(); ++k) sum += p[k] = std::exp(at(k) - max);
  for (double& x_k : p) x_k /= sum;
  return p;
}

struct Outcome {
  Floats loss, gradient;
};

struct Expected {
  Doubles loss, gradient;
};

/// The definition in float64, pair by pair.
Expected by_definition(const Shape& shape,
                       const Floats& teacher,
                       const Floats& student,
                       const Floats& center,
                       const Floats& upstream) {
  Expected out{Doubles(static_cast<std::size_t>(shape.students * shape.images)),
               Doubles(student.size())};
  for (std::int64_t s = 0; s < shape.students; ++s) {
    for (std::int64_t i = 0; i < shape.images; ++i) {
      const std::int64_t row = s * shape.images + i;
      const auto r = static_cast<std::size_t>(row);
      const Doubles q = softmax(
          student.data() + row * shape.cols, nullptr, shape.cols, shape.student_temperature);
      for (std::int64_t t = 0; t < shape.teachers; ++t) {
        if (shape.other_views && t == s) continue;
        const Doubles p = softmax(teacher.data() + (t * shape.images + i) * shape.cols,
                                  center.data(),
                                  shape.cols,
                                  shape.teacher_temperature);
        for (std::size_t k = 0; k < p.size(); ++k) {
          out.loss[r] -= p[k] > 0 ? p[k] * std::log(q[k]) : 0;
          out.gradient[r * p.size() + k] +=
              double(upstream[r]) * (q[k] - p[k]) / shape.student_temperature;
        }
      }
    }
  }
  return out;
}

struct Inputs {
  const void *teacher, *student;
  bool bf16 = false;
};

SoftCrossEntropyArgs arguments(const Shape& shape,
                               const Inputs& in,
                               const Floats& center,
                               Floats& teacher_lse,
                               Floats& student_lse,
                               Floats& mass,
                               Floats& loss) {
  teacher_lse.resize(static_cast<std::size_t>(shape.teachers * shape.images));
  student_lse.resize(static_cast<std::size_t>(shape.students * shape.images));
  mass.resize(student_lse.size());
  loss.resize(student_lse.size());
  return {.teacher = {in.teacher, in.bf16},
          .student = {in.student, in.bf16},
          .center = center.empty() ? nullptr : center.data(),
          .images = shape.images,
          .cols = shape.cols,
          .teachers = shape.teachers,
          .students = shape.students,
          .other_views = shape.other_views,
          .teacher_inv_temp = static_cast<float>(1 / shape.teacher_temperature),
          .student_inv_temp = static_cast<float>(1 / shape.student_temperature),
          .teacher_lse = teacher_lse.data(),
          .student_lse = student_lse.data(),
          .mass = mass.data(),
          .loss = loss.data()};
}

Outcome run(const Shape& shape,
            const Floats& teacher,
            const Floats& student,
            const Floats& center,
            const Floats& upstream) {
  Outcome out{{}, Floats(student.size())};
  Floats teacher_lse, student_lse, mass;
  const SoftCrossEntropyArgs args = arguments(
      shape, {teacher.data(), student.data()}, center, teacher_lse, student_lse, mass, out.loss);
  soft_cross_entropy_forward(args, Cpu{});
  soft_cross_entropy_backward(args, upstream.data(), out.gradient.data(), Cpu{});
  return out;
}

Floats ones(const Shape& shape) {
  return Floats(static_cast<std::size_t>(shape.students * shape.images), 1.f);
}

double relative_l2(const Floats& got, const Doubles& want) {
  double error = 0, size = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    error += std::pow(got[i] - want[i], 2);
    size += want[i] * want[i];
  }
  return std::sqrt(error / std::max(size, 1e-30));
}

// g(n, d, s)[i][j] = sin(s + 0.7 i + 1.3 j + 0.11 i j)
Floats wave(int n, int d, double s) {
  Floats out;
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < d; ++j)
      out.push_back(static_cast<float>(std::sin(s + 0.7 * i + 1.3 * j + 0.11 * i * j)));
  }
  return out;
}

}  // namespace

TEST_CASE("soft_cross_entropy: loss and gradient equal the float64 definition", "[kernels][loss]") {
  const std::int64_t cols = GENERATE(2, 31, 33, 1023, 1024, 1025, 4100);
  const auto [teachers, students, other] = GENERATE(std::tuple<int, int, bool>{2, 10, true},
                                                    std::tuple<int, int, bool>{1, 1, false},
                                                    std::tuple<int, int, bool>{3, 2, true},
                                                    std::tuple<int, int, bool>{2, 3, false});
  const double size = GENERATE(0.02, 0.3, 1.0);
  const Shape shape{teachers, students, 3, cols, other};
  CAPTURE(cols, teachers, students, other, size);
  const Floats teacher = normals(shape.size(teachers), size, 1),
               student = normals(shape.size(students), size, 2),
               center = normals(
                   static_cast<std::size_t>(GENERATE(1, 0) ? cols : teachers * cols), size, 3),
               upstream = normals(ones(shape).size(), 1, 4);
  const Expected want = by_definition(shape, teacher, student, center, upstream);
  const Outcome got = run(shape, teacher, student, center, upstream);
  // float32 holds logit / temperature to a part of its size, which is an absolute error of
  // log-probabilities. Measured, as parts of these sizes: 3.4e-7 of a loss, 3.2e-7 of the gradient.
  const double teacher_size = 4 * size / shape.teacher_temperature + 1,
               student_size = 4 * size / shape.student_temperature + 1;
  for (std::size_t i = 0; i < want.loss.size(); ++i)
    CHECK(got.loss[i] == Approx(want.loss[i]).margin(1.3e-6 * teacher_size * student_size));
  CHECK(relative_l2(got.gradient, want.gradient) < 1.3e-6 * teacher_size);
}

TEST_CASE("soft_cross_entropy: float32 keeps its precision at 65,536 classes", "[kernels][loss]") {
  const Shape shape{2, 4, 1, 65536, true};
  const Floats teacher = normals(shape.size(2), 0.1, 1), student = normals(shape.size(4), 0.1, 2),
               center = normals(65536, 0.05, 3);
  const Expected want = by_definition(shape, teacher, student, center, ones(shape));
  const Outcome got = run(shape, teacher, student, center, ones(shape));
  for (std::size_t i = 0; i < want.loss.size(); ++i)
    CHECK(got.loss[i] == Approx(want.loss[i]).epsilon(1e-6));
  CHECK(relative_l2(got.gradient, want.gradient) < 4e-6);
}

TEST_CASE("soft_cross_entropy: DINO's value, and ln K for a student that knows nothing",
          "[kernels][loss]") {
  const Shape shape{2, 3, 4, 5, true};
  const Floats center(5, 0.1f);
  const Floats loss = run(shape, wave(8, 5, 4.0), wave(12, 5, 5.0), center, ones(shape)).loss;
  double sum = 0;
  for (const float row : loss) sum += double(row) / (4 * 4);  // 4 pairs of views, 4 images
  CHECK(sum == Approx(11.34334216).epsilon(1e-6));
  const Floats flat = run(shape, wave(8, 5, 4.0), Floats(12 * 5, 0.7f), center, ones(shape)).loss;
  for (std::size_t i = 0; i < flat.size(); ++i)  // two targets for the view that the teacher lacks
    CHECK(flat[i] == Approx((i < 8 ? 1 : 2) * std::log(5.0)).epsilon(2e-6));  // measured 5e-7
}

TEST_CASE("soft_cross_entropy: targets that are given count with their own mass",
          "[kernels][loss]") {
  const Shape shape{2, 3, 2, 1100, true};
  const Floats student = normals(shape.size(3), 0.3, 2), upstream = normals(6, 1, 4);
  Floats targets = normals(shape.size(2), 1, 1);
  for (float& p : targets) p = std::abs(p) / 1000;
  std::fill_n(targets.begin(), 1100, 0.f);  // view 0 of image 0 has none: it adds nothing
  const Outcome got = run(shape, targets, student, {}, upstream);
  for (std::size_t row = 0; row < 6; ++row) {
    const std::size_t view = row / 2, image = row % 2;
    const Doubles q = softmax(student.data() + row * 1100, nullptr, 1100, 0.1);
    double loss = 0, mass = 0;
    Doubles sum(1100), gradient(1100);
    for (std::size_t t = 0; t < 2; ++t) {
      for (std::size_t k = 0; t != view && k < 1100; ++k)
        sum[k] += targets[(t * 2 + image) * 1100 + k];
    }
    for (const double p : sum) mass += p;
    for (std::size_t k = 0; k < 1100; ++k) {
      loss -= sum[k] * std::log(q[k]);
      gradient[k] = double(upstream[row]) * (mass * q[k] - sum[k]) / 0.1;
    }
    CHECK(got.loss[row] == Approx(loss).epsilon(1e-6).margin(1e-12));
    const auto first = got.gradient.begin() + static_cast<std::ptrdiff_t>(row * 1100);
    CHECK(relative_l2(Floats(first, first + 1100), gradient) < 2e-6);
  }
}

TEST_CASE("soft_cross_entropy: bfloat16 logits are read as they are, the gradient is rounded once",
          "[kernels][loss]") {
  const Shape shape{2, 3, 2, 1500, true};
  const auto halves = [](const Floats& x) {
    std::vector<std::uint16_t> out;
    for (const float v : x) out.push_back(to_bf16(v));
    return out;
  };
  const auto wide = [](const std::vector<std::uint16_t>& x) {
    Floats out;
    for (const std::uint16_t v : x) out.push_back(from_bf16(v));
    return out;
  };
  const auto teacher = halves(normals(shape.size(2), 0.3, 1)),
             student = halves(normals(shape.size(3), 0.3, 2));
  const Floats center = normals(1500, 0.1, 3), upstream = normals(6, 1, 4);
  Floats teacher_lse, student_lse, mass, loss;
  const SoftCrossEntropyArgs args = arguments(
      shape, {teacher.data(), student.data(), true}, center, teacher_lse, student_lse, mass, loss);
  std::vector<std::uint16_t> gradient(student.size());
  soft_cross_entropy_forward(args, Cpu{});
  soft_cross_entropy_backward(args, upstream.data(), gradient.data(), Cpu{});
  const Outcome same = run(shape, wide(teacher), wide(student), center, upstream);
  CHECK(loss == same.loss);
  CHECK(gradient == halves(same.gradient));
}

TEST_CASE("soft_cross_entropy: a bfloat16 is the nearest one, ties to even", "[kernels][loss]") {
  CHECK(from_bf16(0x3f80) == 1.f);
  CHECK(to_bf16(1.f + 1.f / 256) == 0x3f80);  // half way between 1 and its successor
  CHECK(to_bf16(1.f + 3.f / 256) == 0x3f82);  // half way: the even one above
  CHECK(to_bf16(1.f + 1.01f / 256) == 0x3f81);
  CHECK(to_bf16(-INFINITY) == 0xff80);
  CHECK(std::isnan(from_bf16(to_bf16(std::numeric_limits<float>::quiet_NaN()))));
  CHECK(std::isnan(from_bf16(to_bf16(std::bit_cast<float>(0x7f800001u)))));
}

TEST_CASE("soft_cross_entropy: a NaN or an infinity spoils its own image only", "[kernels][loss]") {
  const float bad =
      GENERATE(std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity());
  const std::int64_t at = GENERATE(0, 1030, 2999);
  const Shape shape{2, 2, 3, 3000, false};
  const Floats center(3000), upstream = ones(shape);
  Floats teacher = normals(shape.size(2), 0.3, 1), student = normals(shape.size(2), 0.3, 2);
  student[static_cast<std::size_t>(4 * 3000 + at)] = bad;  // view 1 of image 1
  const Outcome by_student = run(shape, teacher, student, center, upstream);
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(std::isnan(by_student.loss[i]) == (i == 4));
    CHECK(std::isnan(by_student.gradient[i * 3000 + 17]) == (i == 4));
  }
  student[static_cast<std::size_t>(4 * 3000 + at)] = 0;
  teacher[static_cast<std::size_t>(2 * 3000 + at)] =
      bad;  // image 2, for both of the student's views
  const Outcome by_teacher = run(shape, teacher, student, center, upstream);
  for (std::size_t i = 0; i < 6; ++i) CHECK(std::isnan(by_teacher.loss[i]) == (i % 3 == 2));
}

TEST_CASE("soft_cross_entropy: every bit is the same on any number of threads", "[kernels][loss]") {
  const Shape shape{2, 4, 7, 1100, true};
  const Floats teacher = normals(shape.size(2), 0.3, 1), student = normals(shape.size(4), 0.3, 2),
               center = normals(1100, 0.1, 3);
  const int before = compute_threads();
  set_compute_threads(1);
  const Outcome one = run(shape, teacher, student, center, ones(shape));
  for (const int threads : {2, 3, 5}) {
    set_compute_threads(threads);
    const Outcome again = run(shape, teacher, student, center, ones(shape));
    CHECK(again.loss == one.loss);
    CHECK(again.gradient == one.gradient);
  }
  set_compute_threads(before);
}

}  // namespace sslrun::kernels
