// All views of a batch, of whatever sizes, in three launches: crop and resize to bytes; colours, one
// block a view; blur. A view that is not blurred is finished by the second.
#pragma once
#include "kernels/augment/view_batch_core.h"
#include "kernels/device.h"

#include <cstdint>

namespace sslrun::kernels {

/// How large a batch is, all views of all samples together.
struct ViewBatchSize {
  std::int64_t channels = 3;
  std::int64_t num_views = 0;
  std::int64_t pack_bytes = 0;
  std::int64_t num_blocks = 0, num_tiles = 0;
  std::int64_t resized_bytes = 0, changed_floats = 0, out_floats = 0;
};

/// pack: what a device needs of a batch, in one piece of memory that it can read, aligned as operator new aligns,
/// the views at its start. The buffers are of size's elements; out is interleaved and normalised.
struct ViewBatchArgs {
  ViewBatchSize size;
  const std::uint8_t* pack;
  std::uint8_t* resized;
  float* changed;
  float* out;

  SSLRUN_HD const BatchView* views() const { return reinterpret_cast<const BatchView*>(pack); }
};

/// Equals crop_resize, color_jitter, gaussian_blur and normalize on each view, bit for bit: the same
/// arithmetic in the same order, nothing contracted. Steps other than kSolarize and kPosterize need
/// 3 channels and come before the blur.
/// Cpu: one thread; for tests and comparisons, not fast. Cuda: no allocation, no synchronisation.
void view_batch(const ViewBatchArgs& args, Cpu device);
void view_batch(const ViewBatchArgs& args, Cuda device);

}  // namespace sslrun::kernels
