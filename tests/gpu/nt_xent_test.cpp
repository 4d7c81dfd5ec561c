// NT-Xent on the GPU against the same arithmetic on the CPU, forward and backward.
// The tolerances are allowances, not measurements (RESULTS.md): similarities are summed in the same
// order, but with fmaf on one side, and are then divided by the temperature. A measured error times
// 4 is to take their place.
#include "kernels/loss/nt_xent.h"

#include "tests/gpu/support.h"

#include <algorithm>
#include <array>
#include <limits>

namespace {

using namespace sslrun;
using namespace sslrun::kernels;
using namespace sslrun::test;

constexpr double kLossAllowed = 4e-6;  // of |lse| + 1 / temperature, per row
constexpr double kGradientAllowed =
    4e-5;  // relative L2 of the whole gradient, divided by the temperature where it is below 1

struct Outcome {
  std::vector<float> lse, loss, inverse_norm, dz;
};

std::vector<float> embeddings(std::int64_t rows, std::int64_t dim) {
  std::vector<float> z(static_cast<std::size_t>(rows * dim));
  Rng rng(
      17, Purpose::kProbe, 0, static_cast<std::uint32_t>(rows), static_cast<std::uint32_t>(dim));
  const std::size_t half = z.size() / 2;
  for (std::size_t i = 0; i < half; ++i) {
    z[i] = static_cast<float>(rng.normal());
    z[half + i] = z[i] + static_cast<float>(0.5 * rng.normal());
  }
  return z;
}

Outcome on_cpu(const std::vector<float>& z,
               std::int64_t rows,
               std::int64_t dim,
               float temperature,
               float upstream) {
  const auto n = static_cast<std::size_t>(rows);
  Outcome out{std::vector<float>(n),
              std::vector<float>(n),
              std::vector<float>(n),
              std::vector<float>(z.size())};
  const NtXentArgs args{z.data(),
                        out.lse.data(),
                        rows,
                        dim,
                        1.f / temperature,
                        out.loss.data(),
                        out.inverse_norm.data()};
  nt_xent_forward(args, Cpu{});
  nt_xent_backward(args, upstream, out.dz.data(), Cpu{});
  return out;
}

Outcome on_gpu(const std::vector<float>& z,
               std::int64_t rows,
               std::int64_t dim,
               float temperature,
               float upstream) {
  const std::vector<float> junk(static_cast<std::size_t>(rows), -7.f);
  const DeviceArray<float> there(z), lse(junk), loss(junk), inverse_norm(junk),
      dz(std::vector<float>(z.size(), -7.f));
  const NtXentArgs args{
      there.data(), lse.data(), rows, dim, 1.f / temperature, loss.data(), inverse_norm.data()};
  const Stream stream;
  nt_xent_forward(args, stream.device());
  nt_xent_backward(args, upstream, dz.data(), stream.device());
  stream.wait();
  return {lse.host(), loss.host(), inverse_norm.host(), dz.host()};
}

/// Largest difference of a row, as a part of what rounding is proportional to.
double row_error(const std::vector<float>& got,
                 const std::vector<float>& expected,
                 const std::vector<float>& lse,
                 float temperature) {
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double size =
        std::abs(static_cast<double>(lse[i])) + 1.0 / static_cast<double>(temperature);
    const double error =
        std::abs(static_cast<double>(got[i]) - static_cast<double>(expected[i])) / size;
    worst = std::isnan(error) ? INFINITY : std::max(worst, error);
  }
  return worst;
}

}  // namespace

TEST_CASE("nt_xent: the GPU gives the CPU's loss and gradient, around tiles' edges",
          "[gpu][loss]") {
  double worst_loss = 0, worst_gradient = 0;
  for (const std::int64_t rows : {4, 6, 62, 64, 66, 126, 128, 130, 192, 514, 1000}) {
    for (const std::int64_t dim : {1, 3, 31, 32, 33, 64, 127, 128, 130, 257}) {
      for (const float temperature : {0.05f, 0.1f, 0.5f, 1.f}) {
        INFO(rows << " rows, " << dim << " columns, temperature " << temperature);
        const std::vector<float> z = embeddings(rows, dim);
        const Outcome expected = on_cpu(z, rows, dim, temperature, 1.f),
                      got = on_gpu(z, rows, dim, temperature, 1.f);
        const double loss = std::max(row_error(got.lse, expected.lse, expected.lse, temperature),
                                     row_error(got.loss, expected.loss, expected.lse, temperature));
        CHECK(loss <= kLossAllowed);
        worst_loss = std::max(worst_loss, loss);
        if (dim == 1)
          continue;  // unit rows of one column are +1 or -1: the gradient is 0 but for rounding
        const double gradient = relative_l2(got.dz, expected.dz) * static_cast<double>(temperature);
        CHECK(gradient <= kGradientAllowed);
        worst_gradient = std::max(worst_gradient, gradient);
      }
    }
  }
  report("nt_xent forward", "row error / (|lse| + 1/T)", worst_loss, kLossAllowed);
  report("nt_xent backward", "relative L2 error * T", worst_gradient, kGradientAllowed);
}

TEST_CASE("nt_xent: the paper's batch, 8192 x 128, agrees too", "[gpu][loss]") {
  const std::vector<float> z = embeddings(8192, 128);
  const Outcome expected = on_cpu(z, 8192, 128, 0.5f, 1.f), got = on_gpu(z, 8192, 128, 0.5f, 1.f);
  const double loss = row_error(got.loss, expected.loss, expected.lse, 0.5f),
               gradient = relative_l2(got.dz, expected.dz) * 0.5;
  CHECK(loss <= kLossAllowed);
  CHECK(gradient <= kGradientAllowed);
  report("nt_xent forward, 8192 x 128", "row error / (|lse| + 1/T)", loss, kLossAllowed);
  report("nt_xent backward, 8192 x 128", "relative L2 error * T", gradient, kGradientAllowed);
}

TEST_CASE("nt_xent: run to run, the GPU gives the same bits", "[gpu][loss]") {
  const std::vector<float> z = embeddings(1000, 130);
  const Outcome first = on_gpu(z, 1000, 130, 0.1f, 1.f);
  for (int i = 0; i < 3; ++i) {
    const Outcome again = on_gpu(z, 1000, 130, 0.1f, 1.f);
    CHECK(bit_equal(first.loss, again.loss));
    CHECK(bit_equal(first.lse, again.lse));
    CHECK(bit_equal(first.dz, again.dz));
  }
}

TEST_CASE("nt_xent: one image alone costs exactly 0, and no row is no launch", "[gpu][loss]") {
  const std::vector<float> z = embeddings(2, 128);
  const Outcome got = on_gpu(z, 2, 128, 0.1f, 1.f);
  CHECK(got.loss == std::vector<float>{0.f, 0.f});
  for (const float g : got.dz) CHECK(std::abs(g) < 1e-5f);
  CHECK_NOTHROW(on_gpu({}, 0, 128, 0.1f, 1.f));
}

TEST_CASE("nt_xent: the upstream gradient scales the gradient exactly", "[gpu][loss]") {
  const std::vector<float> z = embeddings(130, 33);
  const Outcome one = on_gpu(z, 130, 33, 0.5f, 1.f), four = on_gpu(z, 130, 33, 0.5f, 4.f);
  std::vector<float> scaled = one.dz;
  for (float& g : scaled) g *= 4.f;
  CHECK(bit_equal(four.dz, scaled));
}

TEST_CASE("nt_xent: one NaN or infinity makes the loss of every row NaN", "[gpu][loss]") {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    std::vector<float> z = embeddings(130, 33);
    z[5 * 33 + 7] = bad;
    const Outcome got = on_gpu(z, 130, 33, 0.5f, 1.f);
    for (const float loss : got.loss) CHECK(std::isnan(loss));
  }
}
