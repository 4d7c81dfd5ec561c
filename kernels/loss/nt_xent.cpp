#include "kernels/loss/nt_xent.h"

#include "base/error.h"
#include "base/thread_pool.h"
#include "kernels/loss/nt_xent_core.h"
#include "kernels/simd.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <vector>

namespace sslrun::kernels {
namespace {

constexpr std::int64_t kTile = kNtXentTile;  // a tile is 16 KB: it stays in the first-level cache
constexpr std::int64_t kStrip = 32;  // columns that gemm() keeps in registers: two AVX-512 vectors
constexpr std::int64_t kRowsAtOnce = 4;

using Tile = std::array<float, kTile * kTile>;

/// c[64, n] = (accumulate ? c : 0) + a[64, k] * b[k, n]; n a multiple of 32, leading dimensions as
/// given.
SSLRUN_CLONES void gemm(const float* a,
                        std::int64_t lda,
                        const float* b,
                        std::int64_t ldb,
                        float* c,
                        std::int64_t ldc,
                        std::int64_t k,
                        std::int64_t n,
                        bool accumulate) {
  for (std::int64_t j = 0; j < n; j += kStrip) {
    for (std::int64_t i = 0; i < kTile; i += kRowsAtOnce) {
      float acc[kRowsAtOnce][kStrip] = {};
      for (std::int64_t p = 0; p < k; ++p) {
        const float* row = b + p * ldb + j;
        for (int r = 0; r < kRowsAtOnce; ++r) {
          const float x = a[(i + r) * lda + p];
          for (int q = 0; q < kStrip; ++q) acc[r][q] += x * row[q];
        }
      }
      for (int r = 0; r < kRowsAtOnce; ++r) {
        float* out = c + (i + r) * ldc + j;
        for (int q = 0; q < kStrip; ++q) out[q] = acc[r][q] + (accumulate ? out[q] : 0.f);
      }
    }
  }
}

/// Per column of s: its maximum over the rows, and the sum of exp(s - maximum).
SSLRUN_CLONES void column_stats(const float* s, float* max, float* sum) {
  for (std::int64_t j = 0; j < kTile; ++j) max[j] = -INFINITY;
  for (std::int64_t i = 0; i < kTile; ++i) {
    for (std::int64_t j = 0; j < kTile; ++j)
      max[j] = s[i * kTile + j] > max[j] ? s[i * kTile + j] : max[j];
  }
  for (std::int64_t j = 0; j < kTile; ++j) sum[j] = 0.f;
  for (std::int64_t i = 0; i < kTile; ++i) {
    for (std::int64_t j = 0; j < kTile; ++j) {
      const float base = max[j] == -INFINITY ? 0.f : max[j];
      sum[j] += exp_nonpositive(s[i * kTile + j] - base);
    }
  }
}

SSLRUN_CLONES void weights(const float* s, const float* lse_i, const float* lse_j, float* w) {
  for (std::int64_t i = 0; i < kTile; ++i) {
    for (std::int64_t j = 0; j < kTile; ++j)
      w[i * kTile + j] = nt_xent_weight(s[i * kTile + j], lse_i[i], lse_j[j], false);
  }
}

SSLRUN_CLONES void transpose(const float* in, float* out) {
  for (std::int64_t j = 0; j < kTile; ++j) {
    for (std::int64_t i = 0; i < kTile; ++i) out[j * kTile + i] = in[i * kTile + j];
  }
}

/// Unit rows, padded with zeros to whole tiles and strips, and the same transposed tile by tile.
class UnitRows {
 public:
  explicit UnitRows(const NtXentArgs& a)
      : rows_(a.rows),
        blocks_((a.rows + kTile - 1) / kTile),
        width_((a.dim + kStrip - 1) / kStrip * kStrip),
        inverse_norm_(static_cast<std::size_t>(a.rows)),
        z_(static_cast<std::size_t>(blocks_ * kTile * width_)),
        transposed_(z_.size()) {
    parallel_for(blocks_, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t b = begin; b < end; ++b) fill(a, b);
    });
  }

  std::int64_t blocks() const { return blocks_; }

  std::int64_t width() const { return width_; }

  std::span<const float> inverse_norm() const { return inverse_norm_; }

  const float* block(std::int64_t b) const { return z_.data() + b * kTile * width_; }

  /// The similarities of block `a` with block `b`; -inf where there is no pair (the diagonal, rows
  /// past the end).
  void similarities(std::int64_t a, std::int64_t b, float inv_temp, Tile& s) const {
    gemm(block(a),
         width_,
         transposed_.data() + b * kTile * width_,
         kTile,
         s.data(),
         kTile,
         width_,
         kTile,
         false);
    for (float& x : s) x *= inv_temp;
    const std::int64_t rows_a = std::min(kTile, rows_ - a * kTile),
                       rows_b = std::min(kTile, rows_ - b * kTile);
    for (std::int64_t i = 0; i < kTile; ++i) {
      for (std::int64_t j = i < rows_a ? rows_b : 0; j < kTile; ++j)
        s[static_cast<std::size_t>(i * kTile + j)] = -INFINITY;
      if (a == b) s[static_cast<std::size_t>(i * kTile + i)] = -INFINITY;
    }
  }

 private:
  void fill(const NtXentArgs& a, std::int64_t b) {
    for (std::int64_t r = 0; r < std::min(kTile, rows_ - b * kTile); ++r) {
      const float* in = a.z + (b * kTile + r) * a.dim;
      float square_sum = 0.f;
      for (std::int64_t d = 0; d < a.dim; ++d) square_sum += in[d] * in[d];
      const float inverse = nt_xent_inverse_norm(square_sum);
      inverse_norm_[static_cast<std::size_t>(b * kTile + r)] = inverse;
      float* out = z_.data() + (b * kTile + r) * width_;
      for (std::int64_t d = 0; d < a.dim; ++d) {
        out[d] = in[d] * inverse;
        transposed_[static_cast<std::size_t>(b * kTile * width_ + d * kTile + r)] = out[d];
      }
    }
  }

  std::int64_t rows_, blocks_, width_;
  std::vector<float> inverse_norm_, z_, transposed_;
};

/// Calls f(0), ..., f(n - 1) from several threads.
template <class F>
void in_parallel(std::int64_t n, const F& f) {
  parallel_for(n, [&f](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) f(i);
  });
}

/// Calls visit(i, j) once for every pair i <= j of `blocks` blocks; rounds follow each other, so
/// what a block accumulates arrives in one order whatever the number of threads.
template <class F>
void tournament(std::int64_t blocks, const F& visit) {
  for (std::int64_t round = 0; round < nt_xent_rounds(blocks); ++round) {
    in_parallel(nt_xent_pairs(round, blocks), [&](std::int64_t k) {
      const NtXentPair pair = nt_xent_pair(round, k, blocks);
      if (pair.second < blocks) visit(pair.first, pair.second);
    });
  }
}

/// Calls f(i, j, place in the tile) for every row i of block bi whose positive j is in block bj.
template <class F>
void for_positives(std::int64_t rows, std::int64_t bi, std::int64_t bj, const F& f) {
  for (std::int64_t i = bi * kTile; i < std::min(rows, (bi + 1) * kTile); ++i) {
    const std::int64_t j = nt_xent_positive(i, rows);
    if (j / kTile == bj)
      f(i, j, static_cast<std::size_t>((i - bi * kTile) * kTile + j - bj * kTile));
  }
}

}  // namespace

float nt_xent_forward(const NtXentArgs& a, Cpu) {
  check_invariant(a.rows % 2 == 0, "nt_xent: rows must be even, two views of each image");
  if (a.rows == 0) return 0.f;
  const UnitRows z(a);
  std::vector<LogSumExp> lse(static_cast<std::size_t>(z.blocks() * kTile));
  std::vector<float> positive(static_cast<std::size_t>(a.rows));
  tournament(z.blocks(), [&](std::int64_t bi, std::int64_t bj) {
    Tile s, transposed;
    float max[kTile], sum[kTile];
    const auto merge = [&](const Tile& tile, std::int64_t block) {
      column_stats(tile.data(), max, sum);
      for (std::int64_t r = 0; r < kTile; ++r)
        lse[static_cast<std::size_t>(block * kTile + r)].merge({max[r], sum[r]});
    };
    z.similarities(bi, bj, a.inv_temp, s);
    transpose(s.data(), transposed.data());
    merge(transposed, bi);
    if (bi != bj) merge(s, bj);
    for_positives(a.rows, bi, bj, [&](std::int64_t i, std::int64_t j, std::size_t at) {
      positive[static_cast<std::size_t>(i)] = positive[static_cast<std::size_t>(j)] = s[at];
    });
  });
  double sum = 0;
  for (std::int64_t i = 0; i < a.rows; ++i) {
    a.lse[i] = lse[static_cast<std::size_t>(i)].value();
    const float row_loss = a.lse[i] - positive[static_cast<std::size_t>(i)];
    if (a.loss) a.loss[i] = row_loss;
    sum += row_loss;
  }
  if (a.inverse_norm) std::copy_n(z.inverse_norm().data(), a.rows, a.inverse_norm);
  return static_cast<float>(sum / static_cast<double>(a.rows));
}

void nt_xent_backward(const NtXentArgs& a, float upstream, float* dz, Cpu) {
  check_invariant(a.rows % 2 == 0, "nt_xent: rows must be even, two views of each image");
  if (a.rows == 0) return;
  const UnitRows z(a);
  const std::int64_t width = z.width();
  std::vector<float> g(static_cast<std::size_t>(z.blocks() * kTile * width));
  std::vector<float> lse(
      static_cast<std::size_t>(z.blocks() * kTile));  // padding: 0, so exp(-inf - lse) = 0
  std::copy_n(a.lse, a.rows, lse.begin());
  tournament(z.blocks(), [&](std::int64_t bi, std::int64_t bj) {
    Tile s, w;
    z.similarities(bi, bj, a.inv_temp, s);
    weights(s.data(), lse.data() + bi * kTile, lse.data() + bj * kTile, w.data());
    for_positives(a.rows, bi, bj, [&](std::int64_t i, std::int64_t j, std::size_t at) {
      w[at] = nt_xent_weight(s[at], a.lse[i], a.lse[j], true);
    });
    const auto add = [&](const Tile& of, std::int64_t to, std::int64_t from) {
      float* g_to = g.data() + to * kTile * width;
      gemm(of.data(), kTile, z.block(from), width, g_to, width, kTile, width, true);
    };
    add(w, bi, bj);
    if (bi == bj) return;
    transpose(w.data(), s.data());
    add(s, bj, bi);
  });
  const float scale = upstream * a.inv_temp / static_cast<float>(a.rows);
  in_parallel(a.rows, [&](std::int64_t i) {
    const float *row = g.data() + i * width, *unit = z.block(0) + i * width;
    const float inverse_norm = z.inverse_norm()[static_cast<std::size_t>(i)];
    float z_dot_g = 0.f;
    for (std::int64_t d = 0; d < a.dim; ++d) z_dot_g += unit[d] * row[d];
    for (std::int64_t d = 0; d < a.dim; ++d)
      dz[i * a.dim + d] = scale * nt_xent_unnormalise(row[d], unit[d], z_dot_g, inverse_norm);
  });
}

}  // namespace sslrun::kernels
