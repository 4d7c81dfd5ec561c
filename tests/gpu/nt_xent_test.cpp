// NT-Xent: the CPU's result is the reference of the GPU's, from the same inputs.
#include "kernels/loss/nt_xent.h"

#include "base/philox.h"
#include "tests/gpu/device_array.h"

#include <cmath>
#include <limits>

namespace sslrun::kernels {
namespace {

// One arithmetic on both sides; expf, logf and fused multiply-adds differ by a few units in the last place. Not yet
// measured on a GPU: a result of scripts/gpu-check.sh replaces this bound.
constexpr double kTolerance = 1e-5;

std::vector<float> embeddings(std::int64_t rows, std::int64_t dim) {
  std::vector<float> z(static_cast<std::size_t>(rows * dim));
  Rng rng(5, Purpose::kView, 0, 0, 0);
  for (float& v : z) v = static_cast<float>(rng.normal());
  return z;
}

struct Result {
  std::vector<float> lse, loss, dz;
};

Result on_cpu(const std::vector<float>& z, std::int64_t rows, std::int64_t dim, float inv_temp) {
  const auto n = static_cast<std::size_t>(rows);
  Result r{std::vector<float>(n), std::vector<float>(n), std::vector<float>(z.size())};
  const NtXentArgs args{z.data(), r.lse.data(), rows, dim, inv_temp, r.loss.data(), nullptr};
  nt_xent_forward(args, Cpu{});
  nt_xent_backward(args, 1.f, r.dz.data(), Cpu{});
  return r;
}

Result on_gpu(const std::vector<float>& z, std::int64_t rows, std::int64_t dim, float inv_temp) {
  const std::vector<float> zeros(static_cast<std::size_t>(rows));
  const DeviceArray<float> z_gpu(z), lse(zeros), loss(zeros), inverse_norm(zeros), dz(std::vector<float>(z.size()));
  const NtXentArgs args{z_gpu.data(), lse.data(), rows, dim, inv_temp, loss.data(), inverse_norm.data()};
  nt_xent_forward(args, Cuda{nullptr});
  nt_xent_backward(args, 1.f, dz.data(), Cuda{nullptr});
  return {lse.values(), loss.values(), dz.values()};
}

}  // namespace

TEST_CASE("nt_xent: GPU equals CPU, forward and backward", "[gpu][loss]") {
  const std::int64_t rows = GENERATE(2, 62, 64, 66, 254, 1026), dim = GENERATE(1, 7, 128, 300);
  const float inv_temp = GENERATE(2.f, 10.f);
  CAPTURE(rows, dim, inv_temp);
  const auto z = embeddings(rows, dim);
  const Result cpu = on_cpu(z, rows, dim, inv_temp), gpu = on_gpu(z, rows, dim, inv_temp);
  CHECK(largest_difference(cpu.lse, gpu.lse) < kTolerance);
  CHECK(largest_difference(cpu.loss, gpu.loss) < kTolerance);
  CHECK(largest_difference(cpu.dz, gpu.dz) < kTolerance);
}

TEST_CASE("nt_xent: the GPU gives the same bits every time", "[gpu][loss]") {
  const auto z = embeddings(1026, 128);
  const Result first = on_gpu(z, 1026, 128, 10.f), second = on_gpu(z, 1026, 128, 10.f);
  CHECK(first.lse == second.lse);
  CHECK(first.loss == second.loss);
  CHECK(first.dz == second.dz);
}

TEST_CASE("nt_xent: a value that is not finite makes every row's loss NaN on the GPU too", "[gpu][loss]") {
  auto z = embeddings(66, 7);
  z[100] = std::numeric_limits<float>::infinity();
  for (const float loss : on_gpu(z, 66, 7, 2.f).loss) CHECK(std::isnan(loss));
}

}  // namespace sslrun::kernels
