#include "train/kept_buffers.h"

#include <ATen/core/grad_mode.h>

namespace sslrun::train {

void KeptBuffers::keep() {
  const at::NoGradGuard no_grad;
  if (kept_.empty()) {
    for (const auto& [name, buffer] : buffers_) kept_.push_back(buffer.clone());
    return;
  }
  for (std::size_t i = 0; i < kept_.size(); ++i) kept_[i].copy_(buffers_[i].second);
}

void KeptBuffers::put_back() const {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < kept_.size(); ++i) buffers_[i].second.copy_(kept_[i]);
}

}  // namespace sslrun::train
