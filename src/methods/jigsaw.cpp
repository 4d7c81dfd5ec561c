// Jigsaw puzzles: in which order were the nine tiles of an image shuffled?  N images of this process,
// nine tiles each, K orders.  source: Noroozi and Favaro 2016, arXiv:1603.09246, section 3;
// facebookresearch/vissl configs/config/pretrain/jigsaw for the head on a ResNet.
#include "base/error.h"
#include "methods/jigsaw_config.h"
#include "methods/method.h"
#include "nn/linear.h"
#include "nn/mlp.h"
#include "ops/classification.h"
#include "views/jigsaw_permutations.h"

#include <ATen/ops/empty.h>

#include <algorithm>

namespace sslrun::methods {
namespace {

using views::kTiles;

// [K, 9]: place t of order k shows tile [k][t].
at::Tensor orders(std::int64_t count) {
  at::Tensor out = at::empty({count, kTiles}, at::kByte);
  std::uint8_t* to = out.mutable_data_ptr<std::uint8_t>();
  for (const views::TileOrder& order : views::tile_orders(count))
    to = std::copy(order.begin(), order.end(), to);
  return out;
}

class Jigsaw final : public Method {
 public:
  Jigsaw(const JigsawConfig& config, const MethodDeps& deps)
      : Method(deps.make_encoder()),
        init_(deps.seed, kFirstHeadOrdinal),
        tile_head_({.widths = {encoder().width(), config.tile_dim},
                    .output_norm = nn::Affine::kScaleAndShift,
                    .output_bias = true},
                   init_),
        head_(kTiles * config.tile_dim, config.permutations, /*bias=*/true, init_) {
    register_module("tile_head", tile_head_);
    register_module("head", head_);
    // What the classes mean, for whoever reads a checkpoint.
    register_buffer("permutations", orders(config.permutations));
  }

  StepResult forward(std::span<const at::Tensor> views, const StepContext& context) override {
    check_invariant(views.size() == 1 && context.targets.size() == 1, "jigsaw has one view");
    const at::Tensor features = encoder().forward(views[0]);  // of N * 9 tiles, image by image
    const at::Tensor tiles = tile_head_.forward(features).relu();
    const at::Tensor logits = head_.forward(tiles.reshape({-1, kTiles * tiles.size(1)}));
    const at::Tensor order_N = context.targets[0].reshape({-1});
    return {.loss = ops::cross_entropy(logits, order_N),
            .scalars = {{"pretext_top1", ops::top1(logits, order_N)}},
            .candidates = logits.size(1)};
  }

  std::int64_t embedding_dim() const override { return encoder().width(); }

 private:
  nn::Init init_;
  nn::Mlp tile_head_;
  nn::Linear head_;
};

}  // namespace

std::unique_ptr<Method> make_method_jigsaw(const config::Component& component,
                                           const MethodDeps& deps) {
  return std::make_unique<Jigsaw>(dynamic_cast<const JigsawConfig&>(component), deps);
}

}  // namespace sslrun::methods
