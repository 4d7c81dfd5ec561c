#pragma once
#include "kernels/device.h"

#include <cstdint>

namespace sslrun::kernels {

/// NT-Xent: row i costs loss_i = -log(exp(s_i,pos) / sum_{j != i} exp(s_ij)), where
/// s_ij = inv_temp * cos(z_i, z_j); the loss is the mean over the rows.
/// shapes    z, dz [rows, dim], lse, loss, inverse_norm [rows]; float32, dense, row-major, no
///           aliasing, in the device's memory. Rows are view-major: the positive of row i is row (i
///           + rows/2) mod rows, so rows is even; 0 rows give loss 0.
/// units     lse, loss in nats; inv_temp = 1 / temperature; inverse_norm = 1 / max(||z_i||, 1e-12).
/// numerics  float32. The rows x rows matrix is never stored: 64 x 64 tiles of its upper triangle,
///           each used for its rows and its columns, computed again by the backward pass. Tiles
///           meet in the rounds of a tournament (nt_xent_pair), so no bit of the result depends on
///           the number of threads or on the order of blocks. A NaN or infinity in z makes every
///           row's loss NaN.
/// memory    Cpu: 2 * rows * dim floats for the forward and 3 for the backward pass, and 32 KB per
///           thread. Cuda: none.
/// errors    rows odd, or no room for what Cuda needs: an invariant. A failed launch throws
///           DeviceError.
/// source    Chen et al. 2020, arXiv:2002.05709, equation 1 (the official repository's value is
///           twice this).
struct NtXentArgs {
  const float* z;
  float* lse;  // out in forward, in for backward
  std::int64_t rows, dim;
  float inv_temp;
  float* loss = nullptr;          // out in forward; Cpu: null when the rows' losses are not wanted
  float* inverse_norm = nullptr;  // out in forward, in for Cuda's backward; Cpu: may be null
};

/// Writes lse, loss and inverse_norm. Cpu returns the mean of loss; Cuda leaves that to the caller,
/// and does not wait.
float nt_xent_forward(const NtXentArgs& args, Cpu device);
void nt_xent_forward(const NtXentArgs& args, Cuda device);

/// dz = upstream * d mean(loss) / d z.
void nt_xent_backward(const NtXentArgs& args, float upstream, float* dz, Cpu device);
void nt_xent_backward(const NtXentArgs& args, float upstream, float* dz, Cuda device);

}  // namespace sslrun::kernels
