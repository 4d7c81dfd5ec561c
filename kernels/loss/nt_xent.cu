// One block owns one 64 x 64 tile of similarities, and for the length of a launch the two blocks of
// rows that meet in it; thread (y, x) of 16 x 16 owns the tile's elements (y + 16 r, x + 16 c). One
// launch per round: its tiles share no row.
#include "base/error.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/loss/nt_xent.h"
#include "kernels/loss/nt_xent_core.h"

namespace sslrun::kernels {
namespace {

constexpr int kTile = kNtXentTile;
constexpr int kSide = 16;  // threads along one side of a tile
constexpr int kThreads = kSide * kSide;
constexpr int kPerThread = kTile / kSide;
constexpr int kSlice = 32;        // columns of z in shared memory at a time: 128 bytes per row
constexpr int kRowThreads = 128;  // threads of a block in the kernels that work row by row
constexpr int kWarp = 32;

// One column of padding each: lines and columns are both read without bank conflicts. 33,536 bytes
// in all.
struct Shared {
  float s[kTile * (kTile + 1)];
  float rows[kTile * (kSlice + 1)];
  float columns[kTile * (kSlice + 1)];
};

/// out[r, k] = unit row (block * 64 + r), column (begin + k); 0 outside of z.
__device__ void load_slice(const NtXentArgs& a,
                           std::int64_t block,
                           std::int64_t begin,
                           float* out) {
  const std::int64_t d = begin + threadIdx.x % kSlice;
  for (int r = static_cast<int>(threadIdx.x) / kSlice; r < kTile; r += kThreads / kSlice) {
    const std::int64_t i = block * kTile + r;
    out[r * (kSlice + 1) + threadIdx.x % kSlice] =
        i < a.rows && d < a.dim ? a.z[i * a.dim + d] * a.inverse_norm[i] : 0.f;
  }
}

/// The similarities of the pair's blocks; -inf where there is no pair (the diagonal, rows past the
/// end).
__device__ void similarities(const NtXentArgs& a, NtXentPair pair, Shared& shared) {
  const int y = static_cast<int>(threadIdx.x) / kSide, x = static_cast<int>(threadIdx.x) % kSide;
  float acc[kPerThread][kPerThread] = {};
  for (std::int64_t begin = 0; begin < a.dim; begin += kSlice) {
    load_slice(a, pair.first, begin, shared.rows);
    load_slice(a, pair.second, begin, shared.columns);
    __syncthreads();
    for (int k = 0; k < kSlice; ++k) {
      float row[kPerThread], column[kPerThread];
      for (int q = 0; q < kPerThread; ++q) {
        row[q] = shared.rows[(y + kSide * q) * (kSlice + 1) + k];
        column[q] = shared.columns[(x + kSide * q) * (kSlice + 1) + k];
      }
      for (int r = 0; r < kPerThread; ++r) {
        for (int c = 0; c < kPerThread; ++c) acc[r][c] = fmaf(row[r], column[c], acc[r][c]);
      }
    }
    __syncthreads();
  }
  for (int r = 0; r < kPerThread; ++r) {
    for (int c = 0; c < kPerThread; ++c) {
      const int i = y + kSide * r, j = x + kSide * c;
      const std::int64_t row = pair.first * kTile + i, column = pair.second * kTile + j;
      const bool is_pair = row < a.rows && column < a.rows && row != column;
      shared.s[i * (kTile + 1) + j] = is_pair ? acc[r][c] * a.inv_temp : -INFINITY;
    }
  }
  __syncthreads();
}

// One thread per row.
__global__ void __launch_bounds__(kRowThreads) inverse_norm_kernel(NtXentArgs a) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kRowThreads + threadIdx.x;
  if (i >= a.rows) return;
  float square_sum = 0.f;
  for (std::int64_t d = 0; d < a.dim; ++d) square_sum += a.z[i * a.dim + d] * a.z[i * a.dim + d];
  a.inverse_norm[i] = nt_xent_inverse_norm(square_sum);
}

// Between rounds, lse and loss hold the maximum and the sum of a row's LogSumExp. Threads 0 to 63
// each take one row of the tile, threads 64 to 127 one column.
__global__ void __launch_bounds__(kThreads)
    forward_round_kernel(NtXentArgs a, std::int64_t round, std::int64_t blocks) {
  __shared__ Shared shared;
  const NtXentPair pair = nt_xent_pair(round, blockIdx.x, blocks);
  if (pair.second >= blocks) return;
  similarities(a, pair, shared);
  const int t = static_cast<int>(threadIdx.x) % kTile;
  const bool is_row = threadIdx.x < kTile;
  if (threadIdx.x >= 2 * kTile || (!is_row && pair.first == pair.second)) return;
  const std::int64_t i = (is_row ? pair.first : pair.second) * kTile + t;
  if (i >= a.rows) return;
  LogSumExp lse;
  if (round > 0) lse = {a.lse[i], a.loss[i]};
  lse.merge(is_row ? LogSumExp::of(shared.s + t * (kTile + 1), 1, kTile)
                   : LogSumExp::of(shared.s + t, kTile + 1, kTile));
  a.lse[i] = lse.max;
  a.loss[i] = lse.sum;
}

// One thread per row. The positive's similarity is summed exactly as in its tile, so that one image
// alone costs exactly 0.
__global__ void __launch_bounds__(kRowThreads) forward_finish_kernel(NtXentArgs a) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kRowThreads + threadIdx.x;
  if (i >= a.rows) return;
  const std::int64_t j = nt_xent_positive(i, a.rows);
  const float norm_i = a.inverse_norm[i], norm_j = a.inverse_norm[j];
  float dot = 0.f;
  for (std::int64_t d = 0; d < a.dim; ++d)
    dot = fmaf(a.z[i * a.dim + d] * norm_i, a.z[j * a.dim + d] * norm_j, dot);
  const float lse = LogSumExp{a.lse[i], a.loss[i]}.value();
  a.lse[i] = lse;
  a.loss[i] = lse - dot * a.inv_temp;
}

/// g[block's rows, :] = (first ? 0 : g) + weights * other's unit rows; the weight of row p of
/// `other` in row o is shared.s[o * row_step + p * column_step].
__device__ void add_gradient(const NtXentArgs& a,
                             Shared& shared,
                             int row_step,
                             int column_step,
                             std::int64_t block,
                             std::int64_t other,
                             bool first,
                             float* g) {
  constexpr int kColumns = kSlice / kSide;
  const int y = static_cast<int>(threadIdx.x) / kSide, x = static_cast<int>(threadIdx.x) % kSide;
  for (std::int64_t begin = 0; begin < a.dim; begin += kSlice) {
    load_slice(a, other, begin, shared.columns);
    __syncthreads();
    float acc[kPerThread][kColumns] = {};
    for (int p = 0; p < kTile; ++p) {
      for (int r = 0; r < kPerThread; ++r) {
        const float weight = shared.s[(y + kSide * r) * row_step + p * column_step];
        for (int c = 0; c < kColumns; ++c)
          acc[r][c] = fmaf(weight, shared.columns[p * (kSlice + 1) + x + kSide * c], acc[r][c]);
      }
    }
    for (int r = 0; r < kPerThread; ++r) {
      for (int c = 0; c < kColumns; ++c) {
        const std::int64_t i = block * kTile + y + kSide * r, d = begin + x + kSide * c;
        if (i < a.rows && d < a.dim)
          g[i * a.dim + d] = acc[r][c] + (first ? 0.f : g[i * a.dim + d]);
      }
    }
    __syncthreads();
  }
}

__global__ void __launch_bounds__(kThreads)
    backward_round_kernel(NtXentArgs a, float* g, std::int64_t round, std::int64_t blocks) {
  __shared__ Shared shared;
  const NtXentPair pair = nt_xent_pair(round, blockIdx.x, blocks);
  if (pair.second >= blocks) return;
  similarities(a, pair, shared);
  for (int k = static_cast<int>(threadIdx.x); k < kTile * kTile; k += kThreads) {
    const std::int64_t i = pair.first * kTile + k / kTile, j = pair.second * kTile + k % kTile;
    float& s = shared.s[k / kTile * (kTile + 1) + k % kTile];
    const bool inside = i < a.rows && j < a.rows;
    s = inside ? nt_xent_weight(s, a.lse[i], a.lse[j], j == nt_xent_positive(i, a.rows)) : 0.f;
  }
  __syncthreads();
  add_gradient(a, shared, kTile + 1, 1, pair.first, pair.second, round == 0, g);
  if (pair.first != pair.second)
    add_gradient(a, shared, 1, kTile + 1, pair.second, pair.first, false, g);
}

// One warp per row, lane l owns columns l, l + 32, ...; dz holds the gradient of the unit rows and
// becomes that of z.
__global__ void __launch_bounds__(kRowThreads)
    backward_finish_kernel(NtXentArgs a, float upstream, float* dz) {
  const std::int64_t i =
      static_cast<std::int64_t>(blockIdx.x) * (kRowThreads / kWarp) + threadIdx.x / kWarp;
  if (i >= a.rows) return;
  const float inverse_norm = a.inverse_norm[i];
  const float* z = a.z + i * a.dim;
  float* g = dz + i * a.dim;
  float z_dot_g = 0.f;
  for (std::int64_t d = threadIdx.x % kWarp; d < a.dim; d += kWarp)
    z_dot_g += z[d] * inverse_norm * g[d];
  for (int step = kWarp / 2; step > 0; step /= 2)
    z_dot_g += __shfl_xor_sync(0xffffffffu, z_dot_g, step);
  const float scale = upstream * a.inv_temp / static_cast<float>(a.rows);
  for (std::int64_t d = threadIdx.x % kWarp; d < a.dim; d += kWarp)
    g[d] = scale * nt_xent_unnormalise(g[d], z[d] * inverse_norm, z_dot_g, inverse_norm);
}

std::int64_t blocks_for(std::int64_t rows, std::int64_t rows_per_block) {
  return (rows + rows_per_block - 1) / rows_per_block;
}

}  // namespace

void nt_xent_forward(const NtXentArgs& a, Cuda device) {
  check_invariant(a.rows % 2 == 0, "nt_xent: rows must be even, two views of each image");
  check_invariant(a.rows == 0 || (a.loss && a.inverse_norm),
                  "nt_xent: Cuda needs room for loss and inverse_norm");
  const std::int64_t row_blocks = blocks_for(a.rows, kRowThreads),
                     blocks = blocks_for(a.rows, kTile);
  launch("nt_xent_inverse_norm", inverse_norm_kernel, row_blocks, kRowThreads, device, a);
  for (std::int64_t round = 0; round < nt_xent_rounds(blocks); ++round)
    launch("nt_xent_forward",
           forward_round_kernel,
           nt_xent_pairs(round, blocks),
           kThreads,
           device,
           a,
           round,
           blocks);
  launch("nt_xent_forward_finish", forward_finish_kernel, row_blocks, kRowThreads, device, a);
}

void nt_xent_backward(const NtXentArgs& a, float upstream, float* dz, Cuda device) {
  check_invariant(a.rows % 2 == 0, "nt_xent: rows must be even, two views of each image");
  check_invariant(a.rows == 0 || a.inverse_norm,
                  "nt_xent: Cuda needs the forward pass's inverse_norm");
  const std::int64_t blocks = blocks_for(a.rows, kTile);
  for (std::int64_t round = 0; round < nt_xent_rounds(blocks); ++round)
    launch("nt_xent_backward",
           backward_round_kernel,
           nt_xent_pairs(round, blocks),
           kThreads,
           device,
           a,
           dz,
           round,
           blocks);
  launch("nt_xent_backward_finish",
         backward_finish_kernel,
         blocks_for(a.rows, kRowThreads / kWarp),
         kRowThreads,
         device,
         a,
         upstream,
         dz);
}

}  // namespace sslrun::kernels
