#pragma once
#include <c10/core/Device.h>

#include <cstdint>
#include <span>

namespace at {
class Tensor;
}

namespace sslrun::ops {

/// The rows of the tensors one after the other. shapes: [N_i, ...] with equal trailing shapes ->
/// [sum N_i, ...]; the memory layout of the first is kept. gradient: each tensor receives that of
/// its rows.
at::Tensor cat_rows(std::span<const at::Tensor> parts);

/// At most `most` rows of x, from the first on.
at::Tensor first_rows(const at::Tensor& x, std::int64_t most);

/// Row numbers as index_select takes them: int64 [values.size()] on `device`.
at::Tensor indices(std::span<const std::int64_t> values, at::Device device);

}  // namespace sslrun::ops
