#pragma once
#include "kernels/device.h"

#include <cmath>
#include <cstdint>

namespace sslrun::kernels {

/// One half of Sinkhorn's iteration in scaling-vector form: with p_b = softmax_k(scores[b, k] *
/// inv_eps - log_scale[k]) writes share[k] = sum_b p_bk. With `largest` the samples are not
/// normalised: share[k] = sum_b exp(scores[b, k] * inv_eps - log_scale[k] - largest[0] * inv_eps),
/// which is how the first iteration starts. bound: finite where it is above every logarithm of a
/// weight, scores[b, k] * inv_eps - log_scale[k], and no sample's largest is more than
/// kSinkhornSlack below it: Cpu then looks for no sample's largest, a third of its time.
/// shapes    scores, assigned [samples, prototypes], log_scale, share [prototypes], largest [1];
///           float32, dense, row-major, no aliasing, in the device's memory. No sample: shares of 0.
/// scratch   sinkhorn_scratch(samples, prototypes) floats.
/// numerics  float32, on logarithms: no score is too large or too small for its exponential. The
///           scores are read once, and no matrix of their size is made. No bit depends on the number
///           of threads. A NaN spoils what it touches.
/// errors    none for the data. A failed launch throws DeviceError.
/// source    Cuturi 2013, arXiv:1306.0895, algorithm 1; Caron et al. 2020, arXiv:2006.09882, section
///           3.1.
constexpr float kSinkhornSlack = 80.f;  // exp(-80) is far from float32's least

struct SinkhornArgs {
  const float *scores, *log_scale;
  std::int64_t samples, prototypes;
  float inv_eps;
  const float* largest = nullptr;
  float bound = INFINITY;
};

std::int64_t sinkhorn_scratch(std::int64_t samples, std::int64_t prototypes);

void sinkhorn_share(const SinkhornArgs& args, float* share, float* scratch, Cpu device);
void sinkhorn_share(const SinkhornArgs& args, float* share, float* scratch, Cuda device);

/// assigned[b, k] = p_bk. The same scratch, which Cpu does not use.
void sinkhorn_assign(const SinkhornArgs& args, float* assigned, float* scratch, Cpu device);
void sinkhorn_assign(const SinkhornArgs& args, float* assigned, float* scratch, Cuda device);

}  // namespace sslrun::kernels
