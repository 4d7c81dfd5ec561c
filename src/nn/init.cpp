#include "nn/init.h"

#include "base/philox.h"
#include "base/thread_pool.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <cmath>

namespace sslrun::nn {
namespace {

thread_local bool shapes_only = false;

/// One stream of random numbers per row (index of the first dimension): rows can be filled in any
/// order.
template <class Draw>
at::Tensor fill(at::IntArrayRef shape, std::uint32_t seed, std::uint32_t ordinal, Draw draw) {
  if (shapes_only) return at::empty(shape, at::device(at::kMeta).dtype(at::kFloat));
  const at::Tensor tensor = at::empty(shape, at::kFloat);
  float* const values = tensor.mutable_data_ptr<float>();
  const std::int64_t rows = shape.empty() ? 1 : shape[0];
  const std::int64_t row_size = tensor.numel() / std::max<std::int64_t>(rows, 1);
  parallel_for(rows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      Rng rng(seed, Purpose::kInit, 0, ordinal, static_cast<std::uint32_t>(row));
      for (std::int64_t i = 0; i < row_size; ++i)
        values[row * row_size + i] = static_cast<float>(draw(rng));
    }
  });
  return tensor;
}

}  // namespace

ShapesOnly::ShapesOnly() {
  shapes_only = true;
}

ShapesOnly::~ShapesOnly() {
  shapes_only = false;
}

at::Tensor Init::normal(at::IntArrayRef shape, double std) {
  return fill(shape, seed_, ordinal_++, [std](Rng& rng) { return std * rng.normal(); });
}

at::Tensor Init::uniform(at::IntArrayRef shape, double bound) {
  return fill(shape, seed_, ordinal_++, [bound](Rng& rng) { return rng.uniform(-bound, bound); });
}

at::Tensor Init::xavier(at::IntArrayRef shape) {
  std::int64_t inputs = 1;
  for (const std::int64_t size : shape.slice(1)) inputs *= size;
  return uniform(shape, std::sqrt(6.0 / static_cast<double>(inputs + shape[0])));
}

at::Tensor Init::constant(at::IntArrayRef shape, double value) {
  return at::full(shape, value, at::kFloat);
}

}  // namespace sslrun::nn
