#include "methods/key_queue.h"

#include "base/error.h"
#include "ops/unit_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/zeros.h>

namespace sslrun::methods {

KeyQueue::KeyQueue(std::int64_t size, std::int64_t dim, nn::Init& init)
    : KeyQueue(ops::unit_rows(init.normal({size, dim}, 1.0))) {}

KeyQueue::KeyQueue(std::int64_t size, std::int64_t dim) : KeyQueue(at::zeros({size, dim})) {}

KeyQueue::KeyQueue(const at::Tensor& keys_KD)
    : keys_KD_(register_buffer("keys", keys_KD)),
      next_(register_buffer("next", at::zeros({}, at::kLong))) {}

bool KeyQueue::full() const {
  return keys_KD_[-1].count_nonzero().item<std::int64_t>() > 0;  // the row that is filled last
}

void KeyQueue::push(const at::Tensor& rows_ND) {
  const std::int64_t rows = rows_ND.size(0), size = keys_KD_.size(0);
  check_invariant(size % rows == 0, "a queue holds a whole number of batches");
  const at::NoGradGuard no_grad;
  // On the device of the queue: nothing waits for it.
  const at::Tensor places_N = (at::arange(rows, next_.options()) + next_).remainder(size);
  keys_KD_.index_copy_(0, places_N, rows_ND.to(keys_KD_.scalar_type()));
  next_.add_(rows).remainder_(size);
}

}  // namespace sslrun::methods
