// The last step of a view of three channels: planes to interleaved pixels, normalised.
#pragma once
#include <array>
#include <cstdint>

namespace sslrun::kernels {

/// out[3 i + c] = (planes[c][i] - mean[c]) / std[c], by multiplication with 1 / std. The result goes
/// past the caches where the processor can do that: it is not looked at again before the view's
/// batch is complete.
void normalize_rgb(const std::array<const float*, 3>& planes,
                   std::int64_t n,
                   const float* mean,
                   const float* std,
                   float* out);

}  // namespace sslrun::kernels
