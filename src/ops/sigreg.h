// Sketched isotropic Gaussian regularisation.  V views of N rows of one rank, D dimensions, M slices.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace sslrun::dist {
class World;
}

namespace sslrun::ops {

/// How far the rows are from N(0, I): the mean over views and slices of the Epps-Pulley statistic of
/// the rows' component along the slice, R sum_k w_k |mean_i exp(i t_k x_i) - exp(-t_k^2 / 2)|^2 over
/// the R = N * ranks rows of a view, t_k = 3 k / 16 for k = 0 .. 16, w_k = exp(-t_k^2 / 2) dt, twice
/// that between the ends. Rows from N(0, I) give 1.0525 on average, whatever R; rows that are all 0
/// give 0.40205 R.
/// shapes    z_VND [V, N, D], slices_DM [D, M], unit columns, the same on each rank. Answer: a scalar in
///           float32, or float64 for float64, the same on each rank.
/// gradient  through the reduction over the ranks; constant in the slices.
/// source    Balestriero and LeCun 2025, arXiv:2511.08544; rbalestr-lab/lejepa MINIMAL.md,
///           lejepa/univariate/epps_pulley.py.
at::Tensor sigreg(const at::Tensor& z_VND, const at::Tensor& slices_DM, dist::World& world);

/// [dim, count] float32 on the CPU: unit columns in random directions, a function of seed and step.
at::Tensor sigreg_slices(std::int64_t dim,
                         std::int64_t count,
                         std::uint32_t seed,
                         std::int64_t step);

}  // namespace sslrun::ops
