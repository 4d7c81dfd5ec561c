#include "kernels/augment/view_batch.h"

#include <cstddef>
#include <vector>

namespace sslrun::kernels {
namespace {

float gray_mean(const std::uint8_t* resized, const BatchView& v, int count, const float* means) {
  std::vector<float> lanes(kGrayLanes, 0.f);
  for (std::int64_t i = 0; i < v.num_pixels(); ++i)
    lanes[static_cast<std::size_t>(i % kGrayLanes)] +=
        gray(toned_pixel(resized, v, i, count, means));
  for (std::size_t step = kGrayLanes / 2; step > 0; step /= 2)
    for (std::size_t j = 0; j < step; ++j) lanes[j] += lanes[j + step];
  return lanes[0] / static_cast<float>(v.num_pixels());
}

void change_colours(const ViewBatchArgs& a, const BatchView& v) {
  const std::uint8_t* resized = a.resized + v.resized;
  const auto* stats = reinterpret_cast<const float*>(a.pack + v.stats);
  if (a.size.channels != 3) {
    for (std::int64_t i = 0; i < a.size.channels * v.num_pixels(); ++i) {
      float x = byte_to_unit(resized[i]);
      for (int s = 0; s < v.num_before; ++s) x = tone(x, v.steps[s]);
      put_toned(
          x, v, stats, a.size.channels, i / v.num_pixels(), i % v.num_pixels(), a.changed, a.out);
    }
    return;
  }
  float means[kMaxToneSteps] = {};
  for (int s = 0; s < v.num_before; ++s)
    if (v.steps[s].op == ToneOp::kContrast) means[s] = gray_mean(resized, v, s, means);
  for (std::int64_t i = 0; i < v.num_pixels(); ++i) {
    const Rgb p = toned_pixel(resized, v, i, v.num_before, means);
    put_toned(p.r, v, stats, 3, 0, i, a.changed, a.out);
    put_toned(p.g, v, stats, 3, 1, i, a.changed, a.out);
    put_toned(p.b, v, stats, 3, 2, i, a.changed, a.out);
  }
}

void blur(const ViewBatchArgs& a, const BatchView& v) {
  const auto* weight = reinterpret_cast<const float*>(a.pack + v.blur_weights);
  const auto* stats = reinterpret_cast<const float*>(a.pack + v.stats);
  const std::int64_t height = v.rows.n, width = v.columns.n;
  std::vector<float> rows(static_cast<std::size_t>(v.num_pixels()));
  for (std::int64_t c = 0; c < a.size.channels; ++c) {
    const float* plane = a.changed + v.changed + c * v.num_pixels();
    for (std::int64_t i = 0; i < v.num_pixels(); ++i) {
      const float* line = plane + i / width * width;
      rows[static_cast<std::size_t>(i)] = blur_sum(weight, v.blur_reach, [&](std::int64_t d) {
        return line[reflect(i % width + d, width)];
      });
    }
    for (std::int64_t i = 0; i < v.num_pixels(); ++i) {
      const float x = blur_sum(weight, v.blur_reach, [&](std::int64_t d) {
        return rows[static_cast<std::size_t>(reflect(i / width + d, height) * width + i % width)];
      });
      a.out[v.out + i * a.size.channels + c] = finish(x, v, stats, a.size.channels, c);
    }
  }
}

}  // namespace

void view_batch(const ViewBatchArgs& a, Cpu) {
  for (std::int64_t i = 0; i < a.size.num_views; ++i) {
    const BatchView& v = a.views()[i];
    for (std::int64_t p = 0; p < v.num_pixels(); ++p)
      resize_pixel(a.pack, v, a.size.channels, p, a.resized + v.resized);
    change_colours(a, v);
    if (v.blur_reach > 0) blur(a, v);
  }
}

}  // namespace sslrun::kernels
