// Arithmetic of NT-Xent on scalars. No other file may repeat it.
//   s_ij = inv_temp * <z_i, z_j> on unit rows; loss_i = lse_i - s_i,pos(i), where lse_i runs over
//   all j != i.
// Order of summation, on every device: s_ij along the columns of z; a line of a tile (maximum
// first, then the exponentials) in the order of its elements; the tiles of a row in the order of
// nt_xent_pair.
#pragma once
#include "kernels/host_device.h"
#include "kernels/loss/log_sum_exp_core.h"

#include <cmath>
#include <cstdint>

namespace sslrun::kernels {

/// Rows and columns of a tile of similarities.
constexpr int kNtXentTile = 64;

struct NtXentPair {
  std::int64_t first, second;  // first <= second; second == blocks: nothing to do
};

/// Rounds in which all pairs of `blocks` blocks of rows meet.
SSLRUN_HD std::int64_t nt_xent_rounds(std::int64_t blocks) {
  return blocks + blocks % 2;
}

/// Pairs of one round.
SSLRUN_HD std::int64_t nt_xent_pairs(std::int64_t round, std::int64_t blocks) {
  return round == 0 ? blocks : (blocks + 1) / 2;
}

/// A round-robin tournament: every pair of blocks meets once, and no block appears twice in a
/// round, so that the pairs of a round may run in any order and both of a pair's blocks may be
/// written. Round 0 is each block with itself.
SSLRUN_HD NtXentPair nt_xent_pair(std::int64_t round, std::int64_t pair, std::int64_t blocks) {
  if (round == 0) return {pair, pair};
  const std::int64_t last =
      blocks + blocks % 2 - 1;  // the seat that stays; empty when blocks is odd
  const std::int64_t a = pair == 0 ? last : (round - 1 + pair) % last;
  const std::int64_t b = (round - 1 - pair + last) % last;
  return a < b ? NtXentPair{a, b} : NtXentPair{b, a};
}

/// The row that row i attracts: the same image in the other view.
SSLRUN_HD std::int64_t nt_xent_positive(std::int64_t i, std::int64_t rows) {
  return i < rows / 2 ? i + rows / 2 : i - rows / 2;
}

/// 1 / max(||z||, 1e-12).
SSLRUN_HD float nt_xent_inverse_norm(float square_sum) {
  const float norm = sqrtf(square_sum);
  return 1.f / (norm < 1e-12f ? 1e-12f : norm);
}

/// M * d loss / d s_ij + M * d loss / d s_ji for i != j: the weight of z_j in the gradient of z_i.
SSLRUN_HD float nt_xent_weight(float s, float lse_i, float lse_j, bool positive) {
  const float to_i = s - lse_i, to_j = s - lse_j;  // both <= 0 but for rounding
  const float p_i = exp_nonpositive(to_i > 0.f ? 0.f : to_i),
              p_j = exp_nonpositive(to_j > 0.f ? 0.f : to_j);
  return p_i + p_j - (positive ? 2.f : 0.f);
}

/// Gradient through z / ||z||: (g - z (z . g)) / ||z||, one component.
SSLRUN_HD float nt_xent_unnormalise(float g, float z, float z_dot_g, float inverse_norm) {
  return (g - z * z_dot_g) * inverse_norm;
}

}  // namespace sslrun::kernels
