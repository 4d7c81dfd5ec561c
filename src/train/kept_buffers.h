// Buffers of a network to go back to.
#pragma once
#include "nn/module.h"

#include <utility>
#include <vector>

namespace sslrun::train {

/// What forward passes write, as it was at a moment: running statistics, queues, centres.
class KeptBuffers {
 public:
  explicit KeptBuffers(nn::NamedTensors buffers) : buffers_(std::move(buffers)) {}

  /// Takes a copy. From the second time on it takes no new memory.
  void keep();
  /// Makes the buffers what they were then.
  void put_back() const;

 private:
  nn::NamedTensors buffers_;
  std::vector<at::Tensor> kept_;
};

}  // namespace sslrun::train
