#pragma once
#include "methods/method.h"
#include "optim/optimizer.h"

#include <cstdint>
#include <vector>

namespace sslrun::recipe {
struct LearningRate;
}

namespace sslrun::methods {

/// The method's parameters as an optimizer takes them: each with the method's rule, its learning
/// rate scaled by layer_decay^(layers above it in the encoder) and, in the patch embedding, by
/// patch_embed_lr_scale. What lies outside the encoder counts as its last layer. Move the method to
/// its device before.
/// source    Bao et al. 2022, arXiv:2106.08254; facebookresearch/dinov2 utils/param_groups.py.
std::vector<optim::Trained> trained_parameters(const Method& method,
                                               const recipe::LearningRate& keys,
                                               std::int64_t steps_per_epoch);

}  // namespace sslrun::methods
