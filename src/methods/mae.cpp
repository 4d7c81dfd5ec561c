// MAE: the encoder sees a quarter of the patches, a decoder predicts the pixels of the others.  N
// images, M patches of P values, K kept, D features.  source: He et al. 2022, arXiv:2111.06377;
// facebookresearch/mae models_mae.py.
#include "base/error.h"
#include "encoders/vit.h"
#include "methods/mae_config.h"
#include "methods/method.h"
#include "methods/patch_masks.h"
#include "methods/patch_predictor.h"
#include "ops/embedding_std.h"
#include "ops/patches.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>

#include <vector>

namespace sslrun::methods {
namespace {

class Mae final : public Method {
 public:
  Mae(const MaeConfig& config, const MethodDeps& deps)
      : Method(deps.make_encoder()),
        vit_(encoders::as_vit(encoder())),
        init_(deps.seed, kFirstHeadOrdinal),
        decoder_({.inputs = vit_.width(),
                  .width = config.decoder.width,
                  .depth = config.decoder.depth,
                  .heads = config.decoder.heads,
                  .outputs = vit_.patch_size() * vit_.patch_size() * deps.channels,
                  .rule = nn::MatrixRule::kXavier},
                 init_),
        config_(config),
        seed_(deps.seed) {
    register_module("decoder", decoder_);
  }

  StepResult forward(std::span<const at::Tensor> views, const StepContext& context) override {
    check_invariant(views.size() == 1, "MAE has one view");
    const at::Tensor& x_NCHW = views[0];
    const std::int64_t p = vit_.patch_size(), rows = x_NCHW.size(2) / p,
                       columns = x_NCHW.size(3) / p;
    const RandomPatches masks = random_patches({seed_, context.progress.epoch(), context.samples},
                                               rows * columns,
                                               config_.kept(rows * columns));
    const at::Device device = x_NCHW.device();
    const at::Tensor seen_NTD = vit_.tokens_of(x_NCHW, masks.keep_NK.to(device));
    const at::Tensor predicted_NMP = decode(seen_NTD, masks.restore_NM.to(device), rows, columns);
    const at::Tensor pixels_NMP = ops::patchify(x_NCHW, p);
    const at::Tensor target_NMP =
        config_.norm_pix ? ops::normalize_patches(pixels_NMP) : pixels_NMP;
    const at::Tensor seen_ND = seen_NTD.detach().slice(1, vit_.prefix()).mean(1);
    return {.loss = ops::hidden_pixel_loss(
                predicted_NMP, target_NMP, masks.hidden_NM.to(device), ops::PixelError::kSquared),
            .scalars = {{"embedding_std", ops::embedding_std(seen_ND)}},
            .embeddings = {seen_ND}};
  }

  std::int64_t embedding_dim() const override { return vit_.width(); }

 private:
  at::Tensor decode(const at::Tensor& seen_NTD,
                    const at::Tensor& restore_NM,
                    std::int64_t rows,
                    std::int64_t columns) const {
    const std::int64_t prefix = vit_.prefix(), images = restore_NM.size(0),
                       patches = restore_NM.size(1);
    const at::Tensor y_NTW = decoder_.embed(seen_NTD);
    const std::int64_t width = y_NTW.size(2), kept = y_NTW.size(1) - prefix;
    const std::vector<at::Tensor> parts = y_NTW.split_with_sizes({prefix, kept}, 1);
    const at::Tensor tokens = decoder_.mask_token().to(y_NTW.scalar_type());
    const at::Tensor shuffled_NMW =
        at::cat({parts[1], tokens.expand({images, patches - kept, width})}, 1);
    const at::Tensor patches_NMW =
        shuffled_NMW.gather(1, restore_NM.unsqueeze(2).expand({-1, -1, width})) +
        decoder_.positions(rows, columns, y_NTW.device());
    const at::Tensor all_NTW = at::cat({parts[0].to(patches_NMW.scalar_type()), patches_NMW}, 1);
    return decoder_.forward(all_NTW).narrow(1, prefix, patches);
  }

  const encoders::VisionTransformer& vit_;
  nn::Init init_;
  PatchPredictor decoder_;
  MaeConfig config_;
  std::uint32_t seed_;
};

}  // namespace

std::unique_ptr<Method> make_method_mae(const config::Component& component,
                                        const MethodDeps& deps) {
  return std::make_unique<Mae>(dynamic_cast<const MaeConfig&>(component), deps);
}

}  // namespace sslrun::methods
