#include "kernels/loss/sinkhorn.h"

#include "base/philox.h"
#include "base/thread_pool.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace sslrun::kernels {
namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

Floats normals(std::int64_t n, double size, std::uint32_t seed) {
  Rng rng(seed, Purpose::kProbe, 0, 0, 0);
  Floats v(static_cast<std::size_t>(n));
  for (float& x : v) x = static_cast<float>(size * rng.normal());
  return v;
}

/// As the official code writes it, in float64: Q is prototypes x samples.
Doubles official(const Floats& scores,
                 std::int64_t samples,
                 std::int64_t prototypes,
                 double eps,
                 int iterations) {
  const auto B = static_cast<std::size_t>(samples), K = static_cast<std::size_t>(prototypes);
  Doubles q(B * K);
  double sum = 0;
  for (std::size_t b = 0; b < B; ++b) {
    for (std::size_t k = 0; k < K; ++k)
      sum += q[k * B + b] = std::exp(double(scores[b * K + k]) / eps);
  }
  for (double& x : q) x /= sum;
  for (int i = 0; i < iterations; ++i) {
    for (std::size_t k = 0; k < K; ++k) {
      double row = 0;
      for (std::size_t b = 0; b < B; ++b) row += q[k * B + b];
      for (std::size_t b = 0; b < B; ++b) q[k * B + b] /= row * double(K);
    }
    for (std::size_t b = 0; b < B; ++b) {
      double column = 0;
      for (std::size_t k = 0; k < K; ++k) column += q[k * B + b];
      for (std::size_t k = 0; k < K; ++k) q[k * B + b] /= column * double(B);
    }
  }
  Doubles out(B * K);
  for (std::size_t b = 0; b < B; ++b) {
    for (std::size_t k = 0; k < K; ++k) out[b * K + k] = q[k * B + b] * double(B);
  }
  return out;
}

Floats assign(const Floats& scores,
              std::int64_t samples,
              std::int64_t prototypes,
              double eps,
              int iterations,
              float bound_above = INFINITY) {
  Floats log_scale(static_cast<std::size_t>(prototypes)), share(log_scale.size()),
      scratch(static_cast<std::size_t>(sinkhorn_scratch(samples, prototypes))), out(scores.size());
  const float largest = *std::max_element(scores.begin(), scores.end());
  SinkhornArgs args{.scores = scores.data(),
                    .log_scale = log_scale.data(),
                    .samples = samples,
                    .prototypes = prototypes,
                    .inv_eps = static_cast<float>(1 / eps)};
  for (int i = 0; i < iterations; ++i) {
    args.largest = i == 0 ? &largest : nullptr;
    sinkhorn_share(args, share.data(), scratch.data(), Cpu{});
    for (std::size_t k = 0; k < share.size(); ++k) log_scale[k] += std::log(share[k]);
    args.bound = largest * args.inv_eps - *std::min_element(log_scale.begin(), log_scale.end()) +
                 bound_above;
  }
  args.largest = nullptr;
  sinkhorn_assign(args, out.data(), scratch.data(), Cpu{});
  return out;
}

}  // namespace

TEST_CASE("sinkhorn: assignments are those of the official code in float64", "[kernels][loss]") {
  const std::int64_t samples = GENERATE(1, 3, 63, 64, 65, 200),
                     prototypes = GENERATE(1, 5, 33, 1030);
  const double eps = GENERATE(0.03, 0.05, 0.5);
  const int iterations = GENERATE(1, 3, 10);
  CAPTURE(samples, prototypes, eps, iterations);
  const Floats scores = normals(samples * prototypes, 0.25, 1);
  const Floats got = assign(scores, samples, prototypes, eps, iterations);
  const Doubles want = official(scores, samples, prototypes, eps, iterations);
  double error = 0;
  for (std::size_t i = 0; i < want.size(); ++i) error = std::max(error, std::abs(got[i] - want[i]));
  CHECK(error < 5e-6);  // measured 1.2e-6
}

TEST_CASE("sinkhorn: with a bound in place of each sample's largest it assigns the same",
          "[kernels][loss]") {
  const Floats scores = normals(65 * 33, 0.25, 4);
  const Doubles want = official(scores, 65, 33, 0.05, 3);
  for (const float above : {0.f, 20.f}) {
    const Floats got = assign(scores, 65, 33, 0.05, 3, above);
    double error = 0;
    for (std::size_t i = 0; i < want.size(); ++i)
      error = std::max(error, std::abs(got[i] - want[i]));
    CHECK(error < 3e-6);  // measured 6.6e-7
  }
}

TEST_CASE("sinkhorn: equal scores give every prototype the same", "[kernels][loss]") {
  for (const float value : assign(Floats(12 * 7, 0.3f), 12, 7, 0.05, 3))
    CHECK(value == Approx(1.0 / 7).epsilon(1e-6));
}

TEST_CASE("sinkhorn: scores whose exponentials no float holds are assigned all the same",
          "[kernels][loss]") {
  Floats scores = normals(40 * 6, 1, 2);
  const Floats plain = assign(scores, 40, 6, 0.5, 3);
  for (float& x : scores) x += 300;  // exp(600)
  const Floats shifted = assign(scores, 40, 6, 0.5, 3);
  for (std::size_t i = 0; i < plain.size(); ++i)
    CHECK(shifted[i] == Approx(plain[i]).margin(2e-4));  // 300 is held to 3e-5, / eps
}

TEST_CASE("sinkhorn: a NaN is not hidden", "[kernels][loss]") {
  Floats scores = normals(70 * 6, 0.3, 2);
  scores[65 * 6 + 1] = std::numeric_limits<float>::quiet_NaN();
  const Floats out = assign(scores, 70, 6, 0.05, 3);
  CHECK(std::all_of(out.begin(), out.end(), [](float x) { return std::isnan(x); }));
}

TEST_CASE("sinkhorn: no sample has no share, and threads change no bit", "[kernels][loss]") {
  Floats share(5, -1.f), log_scale(5);
  sinkhorn_share({.scores = nullptr,
                  .log_scale = log_scale.data(),
                  .samples = 0,
                  .prototypes = 5,
                  .inv_eps = 20},
                 share.data(),
                 nullptr,
                 Cpu{});
  CHECK(share == Floats(5));
  const Floats scores = normals(500 * 40, 0.3, 3);
  const int before = compute_threads();
  set_compute_threads(1);
  const Floats one = assign(scores, 500, 40, 0.05, 3);
  set_compute_threads(3);
  CHECK(assign(scores, 500, 40, 0.05, 3) == one);
  set_compute_threads(before);
}

}  // namespace sslrun::kernels
