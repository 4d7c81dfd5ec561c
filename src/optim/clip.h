#pragma once
#include "nn/module.h"

namespace sslrun::recipe {
struct ClipConfig;
}

namespace sslrun::optim {

/// Shortens the gradients of the parameters in place: times min(1, norm / (|g| + 1e-6)), |g| the L2
/// length of all of them ("global"), of those whose names begin with the same part, such as
/// "encoder" ("module"), or of each alone ("tensor"). Nothing waits for a GPU.
/// source    torch.nn.utils.clip_grad_norm_; facebookresearch/dino utils.py clip_gradients (tensor),
///           dinov2 train/ssl_meta_arch.py (module).
void clip_gradients(const nn::NamedTensors& parameters, const recipe::ClipConfig& clip);

}  // namespace sslrun::optim
