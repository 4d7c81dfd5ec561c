// Times of the CUDA kernels beside the CPU's: tests_gpu "[bench]". Not a test of speed: it prints.
#include "kernels/augment/gaussian_blur.h"
#include "kernels/augment/normalize.h"
#include "kernels/loss/nt_xent.h"

#include "base/clock.h"
#include "tests/gpu/device_array.h"

#include <algorithm>
#include <cstdio>
#include <functional>

namespace sslrun::kernels {
namespace {

constexpr int kRepetitions = 21;

double median_ms(const std::function<void()>& once) {
  std::vector<double> samples;
  once();
  for (int i = 0; i < kRepetitions; ++i) {
    const Stopwatch watch;
    once();
    samples.push_back(1e3 * watch.seconds());
  }
  std::nth_element(samples.begin(), samples.begin() + kRepetitions / 2, samples.end());
  return samples[kRepetitions / 2];
}

void row(const char* name, double gpu_ms, double bytes) {
  std::printf("kernel  %-28s %9.3f ms  %8.1f GB/s\n", name, gpu_ms, bytes / gpu_ms / 1e6);
}

void waited(const std::function<void()>& launch) {
  launch();
  REQUIRE(cudaDeviceSynchronize() == cudaSuccess);
}

}  // namespace

TEST_CASE("kernel times", "[.][bench]") {
  {
    constexpr std::int64_t kRows = 8192, kDim = 128;
    std::vector<float> values(kRows * kDim);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 97) - 48;
    const DeviceArray<float> z(values), dz(values), lse(std::vector<float>(kRows)), loss(std::vector<float>(kRows)),
        inverse_norm(std::vector<float>(kRows));
    const NtXentArgs args{z.data(), lse.data(), kRows, kDim, 2.f, loss.data(), inverse_norm.data()};
    const double bytes = 2.0 * kRows * kDim * sizeof(float);
    row("nt_xent forward 8192x128", median_ms([&] { waited([&] { nt_xent_forward(args, Cuda{nullptr}); }); }), bytes);
    row("nt_xent backward 8192x128", median_ms([&] { waited([&] { nt_xent_backward(args, 1.f, dz.data(), Cuda{nullptr}); }); }), bytes);
  }
  constexpr std::int64_t kViews = 256, kSide = 224, kPixels = kSide * kSide;
  const std::vector<float> batch(static_cast<std::size_t>(kViews * 3 * kPixels), 0.5f);
  const DeviceArray<float> pixels(batch), out(batch);
  const double bytes = 2.0 * static_cast<double>(batch.size()) * sizeof(float);
  {
    std::vector<NormalizeView> views;
    for (std::int64_t v = 0; v < kViews; ++v) views.push_back({pixels.data() + v * 3 * kPixels, out.data() + v * 3 * kPixels});
    const DeviceArray<NormalizeView> list(views);
    const NormalizeArgs args{list.data(), kViews, kPixels, {0.5f, 0.5f, 0.5f}, {0.2f, 0.2f, 0.2f}};
    row("normalize 256 x 224^2", median_ms([&] { waited([&] { normalize(args, Cuda{nullptr}); }); }), bytes);
  }
  {
    std::vector<GaussianBlurView> views;
    for (std::int64_t v = 0; v < kViews; ++v) views.push_back({pixels.data() + v * 3 * kPixels, 1.f});
    const DeviceArray<GaussianBlurView> list(views);
    const DeviceArray<float> room(
        std::vector<float>(static_cast<std::size_t>(gaussian_blur_scratch(kSide, kSide, kViews, Cuda{nullptr}))));
    const GaussianBlurArgs args{list.data(), kViews, kSide, kSide, 11, room.data()};
    row("gaussian_blur 256 x 224^2 r11", median_ms([&] { waited([&] { gaussian_blur(args, Cuda{nullptr}); }); }), bytes);
  }
}

}  // namespace sslrun::kernels
