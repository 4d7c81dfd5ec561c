#include "kernels/loss/nt_xent.h"

#include "base/philox.h"
#include "base/thread_pool.h"

#include "tests/support/catch.h"

#include <cmath>
#include <limits>
#include <vector>

namespace sslrun::kernels {
namespace {

struct Reference {
  double loss = 0;
  std::vector<double> gradient;
};

// The definition in float64, and its gradient by the quotient rule on the whole matrix.
Reference by_definition(const std::vector<float>& z, std::int64_t rows, std::int64_t dim, double temperature) {
  const auto m = static_cast<std::size_t>(rows), d = static_cast<std::size_t>(dim);
  std::vector<double> u(m * d), norm(m), g(m * d);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t k = 0; k < d; ++k) norm[i] += double(z[i * d + k]) * z[i * d + k];
    norm[i] = std::sqrt(norm[i]);
    for (std::size_t k = 0; k < d; ++k) u[i * d + k] = z[i * d + k] / norm[i];
  }
  Reference out;
  for (std::size_t i = 0; i < m; ++i) {
    std::vector<double> s(m);
    double total = 0;
    for (std::size_t j = 0; j < m; ++j) {
      for (std::size_t k = 0; k < d; ++k) s[j] += u[i * d + k] * u[j * d + k] / temperature;
      if (j != i) total += std::exp(s[j]);
    }
    const std::size_t pos = (i + m / 2) % m;
    out.loss += (std::log(total) - s[pos]) / double(m);
    for (std::size_t j = 0; j < m; ++j) {
      if (j == i) continue;
      const double w = (std::exp(s[j]) / total - (j == pos ? 1.0 : 0.0)) / (double(m) * temperature);
      for (std::size_t k = 0; k < d; ++k) {
        g[i * d + k] += w * u[j * d + k];
        g[j * d + k] += w * u[i * d + k];
      }
    }
  }
  for (std::size_t i = 0; i < m; ++i) {
    double along = 0;
    for (std::size_t k = 0; k < d; ++k) along += u[i * d + k] * g[i * d + k];
    for (std::size_t k = 0; k < d; ++k) out.gradient.push_back((g[i * d + k] - u[i * d + k] * along) / norm[i]);
  }
  return out;
}

std::vector<float> normals(std::int64_t n, std::uint32_t seed) {
  Rng rng(seed, Purpose::kInit, 0, 0, 0);
  std::vector<float> v(static_cast<std::size_t>(n));
  for (float& x : v) x = static_cast<float>(rng.normal());
  return v;
}

struct Result {
  float loss;
  std::vector<float> lse, dz;
};

Result run(const std::vector<float>& z, std::int64_t rows, std::int64_t dim, double temperature) {
  Result r{0, std::vector<float>(static_cast<std::size_t>(rows)), std::vector<float>(z.size())};
  const NtXentArgs args{z.data(), r.lse.data(), rows, dim, static_cast<float>(1 / temperature)};
  r.loss = nt_xent_forward(args, Cpu{});
  nt_xent_backward(args, 1.f, r.dz.data(), Cpu{});
  return r;
}

TEST_CASE("nt_xent: loss and gradient equal the float64 definition", "[kernels][loss]") {
  const std::int64_t rows = GENERATE(2, 6, 14, 64, 126, 130, 258, 514);
  const std::int64_t dim = GENERATE(1, 8, 33, 128);
  const double temperature = GENERATE(0.01, 0.1, 0.5);
  CAPTURE(rows, dim, temperature);
  const auto z = normals(rows * dim, 3);
  const Reference want = by_definition(z, rows, dim, temperature);
  const Result got = run(z, rows, dim, temperature);
  CHECK(got.loss == Approx(want.loss).epsilon(2e-6).margin(2e-6 / temperature));
  double error = 0, size = 0;
  for (std::size_t i = 0; i < z.size(); ++i) {
    error += std::pow(got.dz[i] - want.gradient[i], 2);
    size += std::pow(want.gradient[i], 2);
  }
  CHECK(std::sqrt(error) <= 2e-5 * std::sqrt(size) + 1e-6 / temperature);
}

// Golden values: methods' official code on sin(s + 0.7 i + 1.3 j + 0.11 i j), rows 4 x 8, s = 0.1 and 0.5.
TEST_CASE("nt_xent: golden values at two temperatures", "[kernels][loss]") {
  std::vector<float> z;
  for (const double s : {0.1, 0.5}) {
    for (int i = 0; i < 4; ++i) {
      for (int j = 0; j < 8; ++j) z.push_back(static_cast<float>(std::sin(s + 0.7 * i + 1.3 * j + 0.11 * i * j)));
    }
  }
  CHECK(run(z, 8, 8, 0.5).loss == Approx(0.88366345).epsilon(1e-6));
  CHECK(run(z, 8, 8, 0.1).loss == Approx(0.13998596).epsilon(1e-5));
}

TEST_CASE("nt_xent: identical rows cost ln(rows - 1), one image costs nothing", "[kernels][loss]") {
  const std::int64_t rows = GENERATE(2, 8, 66, 512);
  const std::vector<float> z(static_cast<std::size_t>(rows * 5), 1.f);
  CHECK(run(z, rows, 5, 0.5).loss == Approx(std::log(double(rows - 1))).margin(1e-6));
}

TEST_CASE("nt_xent: a NaN or an infinity anywhere makes the loss NaN", "[kernels][loss]") {
  const float bad = GENERATE(std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity());
  const std::size_t at = GENERATE(0u, 700u, 1299u);
  auto z = normals(130 * 10, 1);
  z[at] = bad;
  CHECK(std::isnan(run(z, 130, 10, 0.5).loss));
}

TEST_CASE("nt_xent: every bit is the same again, and on any number of threads", "[kernels][loss]") {
  const auto z = normals(514 * 32, 5);
  set_compute_threads(1);
  const Result one = run(z, 514, 32, 0.2);
  for (const int threads : {1, 2, 3, 5}) {
    set_compute_threads(threads);
    const Result again = run(z, 514, 32, 0.2);
    CHECK(again.loss == one.loss);
    CHECK(again.dz == one.dz);
  }
}

}  // namespace
}  // namespace sslrun::kernels
