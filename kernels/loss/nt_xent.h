#pragma once
#include "kernels/device.h"

#include <cstdint>

namespace sslrun::kernels {

/// NT-Xent: the mean over all rows of -log(exp(s_i,pos) / sum_{j != i} exp(s_ij)), s_ij = inv_temp * cos(z_i, z_j).
/// shapes    z, dz [rows, dim], lse [rows]; float32, dense, row-major, no aliasing. Rows are view-major: the positive of row i
///           is row (i + rows/2) mod rows, so rows is even; 0 rows give loss 0.
/// units     loss, lse in nats; inv_temp = 1 / temperature.
/// numerics  float32. The rows x rows matrix is never stored: 64 x 64 tiles of its upper triangle, each used for its rows and
///           its columns. Tiles meet in the rounds of a tournament, so that the order of summation, and every bit of the
///           result, does not depend on the number of threads. A NaN in z makes the loss NaN.
/// memory    2 * rows * dim floats for the forward and 3 for the backward pass, and 48 KB per thread.
/// source    Chen et al. 2020, arXiv:2002.05709, equation 1 (the official repository's value is twice this).
struct NtXentArgs {
  const float* z;
  float* lse;  // out in forward, in for backward
  std::int64_t rows, dim;
  float inv_temp;
};

/// Returns the loss; writes lse.
float nt_xent_forward(const NtXentArgs& args, Cpu device);

/// dz = upstream * d loss / d z.
void nt_xent_backward(const NtXentArgs& args, float upstream, float* dz, Cpu device);

}  // namespace sslrun::kernels
