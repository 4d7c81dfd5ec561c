// How fast each kernel is, beside the rate at which the same GPU copies memory. Hidden: run with
// tests_gpu "[bench]".
#include "kernels/augment/color_jitter.h"
#include "kernels/augment/crop_resize.h"
#include "kernels/augment/gaussian_blur.h"
#include "kernels/augment/normalize.h"
#include "kernels/loss/nt_xent.h"
#include "kernels/loss/sinkhorn.h"
#include "kernels/loss/soft_cross_entropy.h"
#include "kernels/norm/batch_norm_gradient.h"
#include "tests/gpu/bench.h"
#include "tests/gpu/support.h"

namespace {

using namespace sslrun;
using namespace sslrun::kernels;
using namespace sslrun::test;

constexpr std::int64_t kViews = 512, kSide = 224, kPixels = kSide * kSide;
constexpr double kViewBytes = 3.0 * kPixels * 4;

std::string views_per_s(double ms) {
  char text[64];
  std::snprintf(text, sizeof text, "%.3f million views/s", static_cast<double>(kViews) / ms / 1e3);
  return text;
}

const std::string kShape = std::to_string(kViews) + " views of " + std::to_string(kSide);

}  // namespace

TEST_CASE("bench: copy rate of the GPU", "[.][gpu][bench]") {
  const std::size_t size = std::size_t{1} << 30;
  const DeviceArray<char> from(size), to(size);
  const double ms = median_ms([&](Cuda device) {
    check_cuda(
        cudaMemcpyAsync(to.data(), from.data(), size, cudaMemcpyDeviceToDevice, device.stream));
  });
  row("copy", "1 GiB", ms, 2.0 * static_cast<double>(size) / ms / 1e6, "GB/s", "read + write");
}

TEST_CASE("bench: augmentation kernels", "[.][gpu][bench]") {
  constexpr std::int64_t kRows = 375, kColumns = 500, kPictures = kViews / 2;
  const DeviceArray<std::uint8_t> pictures(
      std::vector<std::uint8_t>(kPictures * kRows * kColumns * 3, 100));
  const DeviceArray<float> pixels(uniform(static_cast<std::size_t>(kViews * kPixels * 3), 1)),
      out(static_cast<std::size_t>(kViews * kPixels * 3));
  const DeviceArray<std::uint8_t> resized(static_cast<std::size_t>(kViews * kPixels * 3));
  std::vector<ByteCropView> crops;
  std::vector<ColorJitterView> jitters;
  std::vector<GaussianBlurView> blurs;
  std::vector<NormalizeView> normals;
  Rng rng(1, Purpose::kProbe, 0, 0, 0);
  double crop_bytes = 0;
  for (std::int64_t i = 0; i < kViews; ++i) {
    float* const view = pixels.data() + i * kPixels * 3;
    const std::int64_t width = 140 + rng.below(361), height = 105 + rng.below(271);
    crops.push_back({pictures.data() + i / 2 * kRows * kColumns * 3,
                     kColumns,
                     rng.below(kColumns - width + 1),
                     rng.below(kRows - height + 1),
                     width,
                     height,
                     i % 2 == 0,
                     resized.data() + i * kPixels * 3});
    crop_bytes += static_cast<double>(3 * width * height + 3 * kPixels);
    jitters.push_back({.pixels = view,
                       .steps = {{ToneOp::kBrightness, 1.1f},
                                 {ToneOp::kContrast, 0.9f},
                                 {ToneOp::kSaturation, 1.1f},
                                 {ToneOp::kHue, 0.1f}}});
    blurs.push_back({view, static_cast<float>(rng.uniform(0.1, 2.0))});
    normals.push_back({view, out.data() + i * kPixels * 3});
  }
  const DeviceArray<ByteCropView> crop_table(crops);
  const DeviceArray<ColorJitterView> jitter_table(jitters);
  const DeviceArray<GaussianBlurView> blur_table(blurs);
  const DeviceArray<NormalizeView> normal_table(normals);
  const DeviceArray<float> scratch(
      static_cast<std::size_t>(gaussian_blur_scratch(kSide, kSide, kViews, Cuda{nullptr})));

  const double crop = median_ms([&](Cuda d) {
    crop_resize(ByteCropArgs{crop_table.data(), kViews, kSide, kSide}, d);
  });
  row("crop_resize", kShape, crop, crop_bytes / crop / 1e6, "GB/s", views_per_s(crop));
  const double jitter = median_ms([&](Cuda d) {
    color_jitter({jitter_table.data(), kViews, kPixels}, d);
  });
  row("color_jitter",
      kShape,
      jitter,
      2 * kViewBytes * kViews / jitter / 1e6,
      "GB/s",
      views_per_s(jitter));
  const double blur = median_ms([&](Cuda d) {
    gaussian_blur({blur_table.data(), kViews, kSide, kSide, 11, scratch.data()}, d);
  });
  row("gaussian_blur",
      kShape,
      blur,
      2 * kViewBytes * kViews / blur / 1e6,
      "GB/s",
      views_per_s(blur));
  const double normal = median_ms([&](Cuda d) {
    normalize(
        {normal_table.data(), kViews, kPixels, {0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}},
        d);
  });
  row("normalize",
      kShape,
      normal,
      2 * kViewBytes * kViews / normal / 1e6,
      "GB/s",
      views_per_s(normal));
}

TEST_CASE("bench: nt_xent", "[.][gpu][bench]") {
  for (const std::int64_t rows : {1024, 8192, 32768}) {
    constexpr std::int64_t kDim = 128;
    const auto n = static_cast<std::size_t>(rows);
    const DeviceArray<float> z(uniform(n * kDim, 2)), lse(n), loss(n), inverse_norm(n),
        dz(n * kDim);
    const NtXentArgs args{z.data(), lse.data(), rows, kDim, 2.f, loss.data(), inverse_norm.data()};
    const double products =
        static_cast<double>(rows) * static_cast<double>(rows) * static_cast<double>(kDim);
    const std::string shape = std::to_string(rows) + " x " + std::to_string(kDim);
    // Half of the N x N products by symmetry, 2 flop each; the backward pass makes them again, and
    // two products of gradients.
    const double forward = median_ms([&](Cuda d) { nt_xent_forward(args, d); });
    row("nt_xent forward", shape, forward, products / forward / 1e9, "TFLOP/s", "float32");
    const double backward = median_ms([&](Cuda d) { nt_xent_backward(args, 1.f, dz.data(), d); });
    row("nt_xent backward", shape, backward, 3 * products / backward / 1e9, "TFLOP/s", "float32");
  }
}

TEST_CASE("bench: soft_cross_entropy", "[.][gpu][bench]") {
  constexpr std::int64_t kImages = 128, kClasses = 65536, kTeachers = 2, kStudents = 10;
  constexpr auto kRows = static_cast<std::size_t>(kImages * kStudents);
  const DeviceArray<std::uint16_t> teacher(
      std::vector<std::uint16_t>(kTeachers * kImages * kClasses)),
      student(std::vector<std::uint16_t>(kRows * kClasses)), gradient(kRows * kClasses);
  const DeviceArray<float> center(std::vector<float>(kClasses, 0.f)),
      teacher_lse(kTeachers * kImages), student_lse(kRows), mass(kRows), loss(kRows),
      upstream(std::vector<float>(kRows, 1.f));
  const SoftCrossEntropyArgs args{.teacher = {teacher.data(), true},
                                  .student = {student.data(), true},
                                  .center = center.data(),
                                  .images = kImages,
                                  .cols = kClasses,
                                  .teachers = kTeachers,
                                  .students = kStudents,
                                  .other_views = true,
                                  .teacher_inv_temp = 25.f,
                                  .student_inv_temp = 10.f,
                                  .teacher_lse = teacher_lse.data(),
                                  .student_lse = student_lse.data(),
                                  .mass = mass.data(),
                                  .loss = loss.data()};
  // The least that must move: all logits once, and the gradient.
  const double logits = 2.0 * (kTeachers + kStudents) * kImages * kClasses,
               written = 2.0 * kStudents * kImages * kClasses;
  const std::string shape = "128 x 65536, 2 + 8, bf16";
  const double forward = median_ms([&](Cuda d) { soft_cross_entropy_forward(args, d); });
  row("soft_cross_entropy forward", shape, forward, logits / forward / 1e6, "GB/s", "");
  const double backward = median_ms(
      [&](Cuda d) { soft_cross_entropy_backward(args, upstream.data(), gradient.data(), d); });
  row("soft_cross_entropy backward",
      shape,
      backward,
      (logits + written) / backward / 1e6,
      "GB/s",
      "");
}

TEST_CASE("bench: sinkhorn", "[.][gpu][bench]") {
  constexpr std::int64_t kSamples = 4096, kPrototypes = 3000;
  constexpr auto kScores = static_cast<std::size_t>(kSamples * kPrototypes);
  const DeviceArray<float> scores(uniform(kScores, 4)),
      log_scale(std::vector<float>(kPrototypes, 0.f)), share(kPrototypes),
      scratch(static_cast<std::size_t>(sinkhorn_scratch(kSamples, kPrototypes)));
  const double ms = median_ms([&](Cuda d) {
    sinkhorn_share({.scores = scores.data(),
                    .log_scale = log_scale.data(),
                    .samples = kSamples,
                    .prototypes = kPrototypes,
                    .inv_eps = 20.f},
                   share.data(),
                   scratch.data(),
                   d);
  });
  row("sinkhorn iteration", "4096 x 3000", ms, 4.0 * kScores / ms / 1e6, "GB/s", "one read");
}

TEST_CASE("bench: batch_norm_gradient", "[.][gpu][bench]") {
  constexpr std::int64_t kRows = 256 * 56 * 56, kChannels = 64;
  constexpr auto kValues = static_cast<std::size_t>(kRows * kChannels);
  const std::vector<std::uint16_t> zeros(kValues);
  const DeviceArray<std::uint16_t> dy(zeros), x(zeros), dx(kValues);
  const DeviceArray<float> one(std::vector<float>(kChannels, 1.f));
  const BatchNormGradientArgs<std::uint16_t> args{.dy = dy.data(),
                                                  .x = x.data(),
                                                  .dx = dx.data(),
                                                  .scale = one.data(),
                                                  .mean = one.data(),
                                                  .dy_mean = one.data(),
                                                  .slope = one.data(),
                                                  .outer = kRows,
                                                  .channels = kChannels,
                                                  .inner = 1};
  const double ms = median_ms([&](Cuda d) { batch_norm_gradient(args, d); });
  row("batch_norm_gradient",
      "256 x 64 x 56 x 56, bf16",
      ms,
      6.0 * kValues / ms / 1e6,
      "GB/s",
      "channels last");
}
