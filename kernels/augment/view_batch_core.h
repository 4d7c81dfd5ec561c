// Arithmetic of view_batch on one sample of one view: that of crop_resize, color_jitter,
// gaussian_blur and normalize, from tables that the host has made.
#pragma once
#include "kernels/augment/color_jitter_core.h"
#include "kernels/augment/crop_resize_core.h"
#include "kernels/augment/gaussian_blur_core.h"
#include "kernels/augment/normalize_core.h"
#include "kernels/augment/unit_core.h"
#include "kernels/host_device.h"

#include <cstdint>

namespace sslrun::kernels {

/// One axis of a view's resize, in a pack: begin [n], then integer weights [taps, n]. A tap past the
/// crop weighs 0.
struct AxisTable {
  std::int64_t at = 0;  // bytes from the start of the pack
  std::int32_t n = 0;   // output positions
  std::int32_t taps = 0;
  std::int32_t in = 0;  // input positions
};

/// How one view of one sample is made. Places are bytes from the start of the pack, or elements of
/// the buffers of ViewBatchArgs.
struct BatchView {
  std::int64_t crop = 0;   // its first sample; interleaved
  std::int64_t pitch = 0;  // bytes from row to row
  AxisTable columns, rows;
  bool y_first = false;
  std::int32_t num_steps = 0, num_before = 0;  // steps that come before the blur
  ToneStep steps[kMaxToneSteps];
  std::int32_t blur_reach = 0;    // 0: not blurred
  std::int64_t blur_weights = 0;  // place of float [blur_reach + 1]
  std::int64_t stats = 0;         // place of float mean [channels], std [channels]
  std::int64_t resized = 0;       // in ViewBatchArgs::resized: [channels, height, width]
  std::int64_t changed = 0;       // in ViewBatchArgs::changed, where it is blurred: the same
  std::int64_t out = 0;           // in ViewBatchArgs::out: [height, width, channels]
  std::int64_t first_block = 0;   // of crop: kBatchPixels pixels each
  std::int64_t first_tile = 0;    // of blur: kBlurTile x kBlurTile pixels each, none without

  SSLRUN_HD std::int64_t num_pixels() const {
    return static_cast<std::int64_t>(rows.n) * columns.n;
  }
};

constexpr int kBatchPixels = 256;
constexpr int kBlurTile = 32;

/// What makes one output position along an axis.
struct AxisTaps {
  const std::int32_t* weight;  // n apart
  std::int32_t begin, taps, n, last;
  std::int64_t stride;

  SSLRUN_HD std::int64_t offset(std::int32_t k) const {
    return (begin + k < last ? begin + k : last) * stride;
  }
};

SSLRUN_HD AxisTaps axis_taps(const std::uint8_t* pack,
                             const AxisTable& table,
                             std::int64_t i,
                             std::int64_t stride) {
  const auto* begin = reinterpret_cast<const std::int32_t*>(pack + table.at);
  return {begin + table.n + i, begin[i], table.taps, table.n, table.in - 1, stride};
}

SSLRUN_HD std::uint8_t resample(const std::uint8_t* crop,
                                const AxisTaps& first,
                                const AxisTaps& second) {
  std::int32_t sum = kRoundSum;
  for (std::int32_t j = 0; j < second.taps; ++j) {
    const std::uint8_t* line = crop + second.offset(j);
    std::int32_t line_sum = kRoundSum;
    for (std::int32_t k = 0; k < first.taps; ++k)
      line_sum += first.weight[static_cast<std::int64_t>(k) * first.n] * line[first.offset(k)];
    sum += second.weight[static_cast<std::int64_t>(j) * second.n] * sum_to_byte(line_sum);
  }
  return sum_to_byte(sum);
}

/// Pixel i of all channels of the resized crop, into planes that start at resized.
SSLRUN_HD void resize_pixel(const std::uint8_t* pack,
                            const BatchView& v,
                            std::int64_t channels,
                            std::int64_t i,
                            std::uint8_t* resized) {
  const AxisTaps along_x = axis_taps(pack, v.columns, i % v.columns.n, channels);
  const AxisTaps along_y = axis_taps(pack, v.rows, i / v.columns.n, v.pitch);
  for (std::int64_t c = 0; c < channels; ++c) {
    const std::uint8_t* crop = pack + v.crop + c;
    resized[c * v.num_pixels() + i] =
        v.y_first ? resample(crop, along_y, along_x) : resample(crop, along_x, along_y);
  }
}

/// RGB pixel i of the resized crop after the first `count` steps. means[s]: of contrast step s.
SSLRUN_HD Rgb toned_pixel(const std::uint8_t* resized,
                          const BatchView& v,
                          std::int64_t i,
                          int count,
                          const float* means) {
  const std::uint8_t* p = resized + i;
  const std::int64_t plane = v.num_pixels();
  Rgb rgb{byte_to_unit(p[0]), byte_to_unit(p[plane]), byte_to_unit(p[2 * plane])};
  for (int s = 0; s < count; ++s) rgb = tone(rgb, v.steps[s], means[s]);
  return rgb;
}

/// The steps after the blur and the normalisation. stats: mean, then std, of each channel.
SSLRUN_HD float finish(float x,
                       const BatchView& v,
                       const float* stats,
                       std::int64_t channels,
                       std::int64_t c) {
  for (int s = v.num_before; s < v.num_steps; ++s) x = tone(x, v.steps[s]);
  return normalized(x, stats[c], inverse_std(stats[channels + c]));
}

/// Where a sample goes after the steps before the blur: to changed, or, finished, to out.
SSLRUN_HD void put_toned(float x,
                         const BatchView& v,
                         const float* stats,
                         std::int64_t channels,
                         std::int64_t c,
                         std::int64_t i,
                         float* changed,
                         float* out) {
  if (v.blur_reach > 0)
    changed[v.changed + c * v.num_pixels() + i] = x;
  else
    out[v.out + i * channels + c] = finish(x, v, stats, channels, c);
}

/// at(d): the sample at distance d along the line.
template <class At>
SSLRUN_HD float blur_sum(const float* weight, std::int32_t reach, At at) {
  float sum = blur_centre(weight[0], at(0));
  for (std::int32_t k = 1; k <= reach; ++k) sum = add_blur_pair(sum, weight[k], at(-k), at(k));
  return sum;
}

}  // namespace sslrun::kernels
