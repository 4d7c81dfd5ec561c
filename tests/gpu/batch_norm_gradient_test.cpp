// Batch norm's gradient on the GPU against the same arithmetic on the CPU. The tolerances are
// allowances, not measurements (RESULTS.md): there is fmaf on one side.
#include "kernels/norm/batch_norm_gradient.h"

#include "tests/gpu/support.h"

#include <algorithm>
#include <string>

namespace {

using namespace sslrun;
using namespace sslrun::kernels;
using namespace sslrun::test;

/// Numbers in [0, 1).
template <class T>
std::vector<T> numbers(std::size_t n, std::uint32_t seed) {
  std::vector<T> out;
  for (const float x : uniform(n, seed)) out.push_back(stored<T>(x));
  return out;
}

/// The largest difference between the devices, of values below 2.
template <class T>
double difference(std::int64_t outer,
                  std::int64_t channels,
                  std::int64_t inner,
                  std::int64_t skip) {
  using Wide = Computed<T>;
  const auto n = static_cast<std::size_t>(outer * channels * inner + skip);
  const auto count = static_cast<std::size_t>(channels);
  const std::vector<T> dy = numbers<T>(n, 1), x = numbers<T>(n, 2);
  const std::vector<Wide> scale = numbers<Wide>(count, 3), mean = numbers<Wide>(count, 4),
                          dy_mean = numbers<Wide>(count, 5), slope = numbers<Wide>(count, 6);
  std::vector<T> dx(n);
  const DeviceArray<T> dy_there(dy), x_there(x), dx_there(dx);
  const DeviceArray<Wide> scale_there(scale), mean_there(mean), dy_mean_there(dy_mean),
      slope_there(slope);
  const auto args = [&](const auto& dys,
                        const auto& xs,
                        auto& dxs,
                        const auto& scales,
                        const auto& means,
                        const auto& dy_means,
                        const auto& slopes) {
    return BatchNormGradientArgs<T>{.dy = dys.data() + skip,
                                    .x = xs.data() + skip,
                                    .dx = dxs.data() + skip,
                                    .scale = scales.data(),
                                    .mean = means.data(),
                                    .dy_mean = dy_means.data(),
                                    .slope = slopes.data(),
                                    .outer = outer,
                                    .channels = channels,
                                    .inner = inner};
  };
  const Stream stream;
  batch_norm_gradient(args(dy, x, dx, scale, mean, dy_mean, slope), Cpu{});
  batch_norm_gradient(
      args(dy_there, x_there, dx_there, scale_there, mean_there, dy_mean_there, slope_there),
      stream.device());
  stream.wait();
  const std::vector<T> got = dx_there.host();
  double worst = 0;
  for (std::size_t i = 0; i < n; ++i)
    worst = std::max(worst, std::abs(double(computed(got[i])) - double(computed(dx[i]))));
  return worst;
}

template <class T>
void check(const std::string& format, double allowed) {
  double worst = 0;
  for (const std::int64_t channels : {1, 7, 64, 250}) {
    for (const std::int64_t inner : {1, 49, 64}) {
      for (const std::int64_t skip : {0, 1})  // one: not on a boundary of 16 bytes
        worst = std::max(worst, difference<T>(33, channels, inner, skip));
    }
  }
  report("batch_norm_gradient " + format, "largest difference", worst, allowed);
  CHECK(worst <= allowed);
}

}  // namespace

TEST_CASE("batch_norm_gradient: the GPU's is the CPU's, in rows and planes, aligned and not",
          "[gpu][norm]") {
  check<float>("float32", 1e-6);
  check<double>("float64", 1e-15);
  check<std::uint16_t>("bfloat16", 0.0079);  // one unit in the last place of values below 2
}
