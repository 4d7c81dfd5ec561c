// The keys of past batches, first in, first out.  K keys, D dimensions.
#pragma once
#include "nn/init.h"
#include "nn/module.h"

#include <cstdint>

namespace sslrun::methods {

/// Part of a method's state: "keys" [K, D] float32 and "next", the row that is replaced next.
class KeyQueue final : public nn::Module {
 public:
  /// Starts with random unit rows.
  KeyQueue(std::int64_t size, std::int64_t dim, nn::Init& init);
  /// Starts empty: with rows of zeros.
  KeyQueue(std::int64_t size, std::int64_t dim);

  /// [K, D]; what push() writes to.
  const at::Tensor& keys() const { return keys_KD_; }

  /// Whether a queue that started empty has no row of zeros left. Waits for its device.
  bool full() const;

  /// Replaces the oldest rows. rows_ND [N, D] with K % N = 0, the same on every rank.
  void push(const at::Tensor& rows_ND);

 private:
  explicit KeyQueue(const at::Tensor& keys_KD);

  at::Tensor keys_KD_, next_;
};

}  // namespace sslrun::methods
