#include "kernels/loss/nt_xent.h"

#include "base/philox.h"
#include "base/thread_pool.h"
#include "kernels/loss/nt_xent_core.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace sslrun::kernels {
namespace {

struct Reference {
  double loss = 0;
  std::vector<double> row_loss, lse, inverse_norm, gradient;
};

// The definition in float64, and its gradient by the quotient rule on the whole matrix.
Reference by_definition(const std::vector<float>& z,
                        std::int64_t rows,
                        std::int64_t dim,
                        double temperature) {
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
    out.lse.push_back(std::log(total));
    out.row_loss.push_back(out.lse[i] - s[pos]);
    out.inverse_norm.push_back(1 / norm[i]);
    out.loss += out.row_loss[i] / double(m);
    for (std::size_t j = 0; j < m; ++j) {
      if (j == i) continue;
      const double w =
          (std::exp(s[j]) / total - (j == pos ? 1.0 : 0.0)) / (double(m) * temperature);
      for (std::size_t k = 0; k < d; ++k) {
        g[i * d + k] += w * u[j * d + k];
        g[j * d + k] += w * u[i * d + k];
      }
    }
  }
  for (std::size_t i = 0; i < m; ++i) {
    double along = 0;
    for (std::size_t k = 0; k < d; ++k) along += u[i * d + k] * g[i * d + k];
    for (std::size_t k = 0; k < d; ++k)
      out.gradient.push_back((g[i * d + k] - u[i * d + k] * along) / norm[i]);
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
  std::vector<float> lse, dz, row_loss, inverse_norm;
};

Result run(const std::vector<float>& z, std::int64_t rows, std::int64_t dim, double temperature) {
  const std::vector<float> row(static_cast<std::size_t>(rows));
  Result r{0, row, std::vector<float>(z.size()), row, row};
  const NtXentArgs args{.z = z.data(),
                        .lse = r.lse.data(),
                        .rows = rows,
                        .dim = dim,
                        .inv_temp = static_cast<float>(1 / temperature),
                        .loss = r.row_loss.data(),
                        .inverse_norm = r.inverse_norm.data()};
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
  CHECK(got.loss == Approx(want.loss).epsilon(5e-7).margin(5e-7 / temperature));
  for (std::size_t i = 0; i < want.row_loss.size(); ++i) {
    CHECK(got.row_loss[i] == Approx(want.row_loss[i]).epsilon(5e-7).margin(5e-7 / temperature));
    CHECK(got.lse[i] == Approx(want.lse[i]).epsilon(5e-7).margin(5e-7 / temperature));
    CHECK(got.inverse_norm[i] == Approx(want.inverse_norm[i]).epsilon(1e-6));
  }
  double error = 0, size = 0;
  for (std::size_t i = 0; i < z.size(); ++i) {
    error += std::pow(got.dz[i] - want.gradient[i], 2);
    size += std::pow(want.gradient[i], 2);
  }
  // Measured: rel-L2 below 1.0e-6 and |loss - want| below 1.1e-7 / temperature over all these
  // shapes. With one column the true gradient is 0, and only rounding is left.
  CHECK(std::sqrt(error) <= 4e-6 * std::sqrt(size) + 1e-6 / temperature);
}

// Golden values: methods' official code on sin(s + 0.7 i + 1.3 j + 0.11 i j), rows 4 x 8, s = 0.1
// and 0.5.
TEST_CASE("nt_xent: golden values at two temperatures", "[kernels][loss]") {
  std::vector<float> z;
  for (const double s : {0.1, 0.5}) {
    for (int i = 0; i < 4; ++i) {
      for (int j = 0; j < 8; ++j)
        z.push_back(static_cast<float>(std::sin(s + 0.7 * i + 1.3 * j + 0.11 * i * j)));
    }
  }
  CHECK(run(z, 8, 8, 0.5).loss == Approx(0.88366345).epsilon(1e-6));
  CHECK(run(z, 8, 8, 0.1).loss == Approx(0.13998596).epsilon(1e-5));
}

TEST_CASE(
    "nt_xent: the gradient is the slope of the float64 loss along a direction, times upstream",
    "[kernels][loss]") {
  const auto z = normals(14 * 8, 7), direction = normals(14 * 8, 8);
  const double temperature = 0.5, step = 1e-5, upstream = -2.5;
  const auto loss_at =
      [&](double t) {  // float64 throughout: z moves by less than a float32 can hold
        std::vector<double> u(z.size());
        for (std::size_t i = 0; i < z.size(); i += 8) {
          double square_sum = 0;
          for (std::size_t k = i; k < i + 8; ++k)
            square_sum += std::pow(z[k] + t * direction[k], 2);
          for (std::size_t k = i; k < i + 8; ++k)
            u[k] = (z[k] + t * direction[k]) / std::sqrt(square_sum);
        }
        double loss = 0;
        for (std::size_t i = 0; i < 14; ++i) {
          double total = 0, positive = 0;
          for (std::size_t j = 0; j < 14; ++j) {
            double s = 0;
            for (std::size_t k = 0; k < 8; ++k) s += u[i * 8 + k] * u[j * 8 + k] / temperature;
            if (j != i) total += std::exp(s);
            if (j == (i + 7) % 14) positive = s;
          }
          loss += (std::log(total) - positive) / 14;
        }
        return loss;
      };
  std::vector<float> lse(14), dz(z.size());
  const NtXentArgs args{.z = z.data(),
                        .lse = lse.data(),
                        .rows = 14,
                        .dim = 8,
                        .inv_temp = static_cast<float>(1 / temperature)};
  nt_xent_forward(args, Cpu{});
  nt_xent_backward(args, static_cast<float>(upstream), dz.data(), Cpu{});
  double slope = 0;
  for (std::size_t i = 0; i < z.size(); ++i) slope += double(dz[i]) * direction[i];
  CHECK(slope == Approx(upstream * (loss_at(step) - loss_at(-step)) / (2 * step)).epsilon(1e-5));
}

TEST_CASE("nt_xent: every pair of blocks meets once, and no block twice in a round",
          "[kernels][loss]") {
  const std::int64_t blocks = GENERATE(1, 2, 3, 4, 7, 128, 129);
  const auto n = static_cast<std::size_t>(blocks);
  std::vector<int> met(n * n);
  for (std::int64_t round = 0; round < nt_xent_rounds(blocks); ++round) {
    std::vector<int> seen(n);
    for (std::int64_t k = 0; k < nt_xent_pairs(round, blocks); ++k) {
      const NtXentPair pair = nt_xent_pair(round, k, blocks);
      REQUIRE((0 <= pair.first && pair.first <= pair.second && pair.second <= blocks));
      if (pair.second == blocks) continue;
      ++met[static_cast<std::size_t>(pair.first * blocks + pair.second)];
      ++seen[static_cast<std::size_t>(pair.first)];
      if (pair.first != pair.second) ++seen[static_cast<std::size_t>(pair.second)];
    }
    CHECK(*std::max_element(seen.begin(), seen.end()) <= 1);
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) REQUIRE(met[i * n + j] == (i <= j ? 1 : 0));
  }
}

TEST_CASE("nt_xent: identical rows cost ln(rows - 1), one image costs nothing", "[kernels][loss]") {
  const std::int64_t rows = GENERATE(2, 8, 66, 512);
  const std::vector<float> z(static_cast<std::size_t>(rows * 5), 1.f);
  CHECK(run(z, rows, 5, 0.5).loss == Approx(std::log(double(rows - 1))).margin(1e-6));
  CHECK(run(normals(2 * 33, 4), 2, 33, 0.1).loss == 0.f);
}

TEST_CASE("nt_xent: a NaN or an infinity anywhere makes the loss NaN", "[kernels][loss]") {
  const float bad =
      GENERATE(std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity());
  const std::size_t at = GENERATE(0u, 700u, 1299u);
  auto z = normals(130 * 10, 1);
  z[at] = bad;
  const Result got = run(z, 130, 10, 0.5);
  CHECK(std::isnan(got.loss));
  CHECK(std::all_of(got.lse.begin(), got.lse.end(), [](float x) { return std::isnan(x); }));
  CHECK(std::all_of(got.dz.begin(), got.dz.end(), [](float x) { return std::isnan(x); }));
}

TEST_CASE("nt_xent: every bit is the same again, and on any number of threads", "[kernels][loss]") {
  const auto z = normals(514 * 32, 5);
  const int before = compute_threads();
  set_compute_threads(1);
  const Result one = run(z, 514, 32, 0.2);
  for (const int threads : {1, 2, 3, 5}) {
    set_compute_threads(threads);
    const Result again = run(z, 514, 32, 0.2);
    CHECK(again.loss == one.loss);
    CHECK(again.row_loss == one.row_loss);
    CHECK(again.dz == one.dz);
  }
  set_compute_threads(before);
}

}  // namespace
}  // namespace sslrun::kernels
