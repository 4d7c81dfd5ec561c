#include "kernels/norm/batch_norm_gradient.h"

#include "base/philox.h"
#include "base/thread_pool.h"
#include "tests/support/catch.h"

#include <cmath>
#include <vector>

namespace sslrun::kernels {
namespace {

struct Shape {
  std::int64_t outer, channels, inner;

  std::size_t size() const { return static_cast<std::size_t>(outer * channels * inner); }
};

template <class T>
std::vector<T> normals(std::size_t n, std::uint32_t seed) {
  Rng rng(seed, Purpose::kProbe, 0, 0, 0);
  std::vector<T> v(n);
  for (T& x : v) x = stored<T>(static_cast<Computed<T>>(rng.normal()));
  return v;
}

/// Of one shape and format: inputs, what the kernel makes of them, and the definition in float64.
template <class T>
struct Sample {
  explicit Sample(Shape the_shape) : shape(the_shape) {}

  std::vector<T> run() const {
    std::vector<T> dx(shape.size());
    batch_norm_gradient<T>({.dy = dy.data(),
                            .x = x.data(),
                            .dx = dx.data(),
                            .scale = scale.data(),
                            .mean = mean.data(),
                            .dy_mean = dy_mean.data(),
                            .slope = slope.data(),
                            .outer = shape.outer,
                            .channels = shape.channels,
                            .inner = shape.inner},
                           Cpu{});
    return dx;
  }

  /// The largest difference from the definition, of values of about 10.
  double error() const {
    const std::vector<T> dx = run();
    double worst = 0;
    for (std::size_t i = 0; i < dx.size(); ++i) {
      const auto c =
          i / static_cast<std::size_t>(shape.inner) % static_cast<std::size_t>(shape.channels);
      const double centred = double(computed(x[i])) - double(mean[c]);
      const double expected = double(scale[c]) * (double(computed(dy[i])) - double(dy_mean[c]) -
                                                  centred * double(slope[c]));
      worst = std::max(worst, std::abs(double(computed(dx[i])) - expected));
    }
    return worst;
  }

  using Wide = Computed<T>;
  Shape shape;
  std::size_t C = static_cast<std::size_t>(shape.channels);
  std::vector<T> dy = normals<T>(shape.size(), 1), x = normals<T>(shape.size(), 2);
  std::vector<Wide> scale = normals<Wide>(C, 3), mean = normals<Wide>(C, 4),
                    dy_mean = normals<Wide>(C, 5), slope = normals<Wide>(C, 6);
};

Shape any_shape() {
  return GENERATE(Shape{1, 1, 1},
                  Shape{50, 7, 1},
                  Shape{700, 64, 1},
                  Shape{3, 5, 49},
                  Shape{16, 64, 64},
                  Shape{0, 8, 1});
}

}  // namespace

// Measured: 3.6e-15 in float64 and 1.2e-6 in float32, about x3; bfloat16 0.031, and it keeps 8 bits of
// values below 32.
TEST_CASE("batch_norm_gradient: equals the definition in every format and layout",
          "[kernels][norm]") {
  const Shape shape = any_shape();
  CAPTURE(shape.outer, shape.channels, shape.inner);
  CHECK(Sample<double>(shape).error() < 1e-14);
  CHECK(Sample<float>(shape).error() < 4e-6);
  CHECK(Sample<std::uint16_t>(shape).error() <= 0.0625);
}

TEST_CASE("batch_norm_gradient: no bit depends on the number of threads", "[kernels][norm]") {
  const Shape shape = any_shape();
  const Sample<float> sample(shape);
  const int threads = compute_threads();
  set_compute_threads(1);
  const std::vector<float> expected = sample.run();
  set_compute_threads(3);
  const std::vector<float> got = sample.run();
  set_compute_threads(threads);
  CHECK(got == expected);
}

}  // namespace sslrun::kernels
