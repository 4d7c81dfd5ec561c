// SimMIM: hidden squares of the image are mask tokens to the encoder, and a linear layer predicts
// their pixels.  N images, M patches of P values, D features.  source: Xie et al. 2022,
// arXiv:2111.09886; microsoft/SimMIM models/simmim.py, data/data_simmim.py.
#include "base/error.h"
#include "encoders/vit.h"
#include "methods/method.h"
#include "methods/patch_masks.h"
#include "methods/simmim_config.h"
#include "nn/linear.h"
#include "ops/embedding_std.h"
#include "ops/patches.h"

namespace sslrun::methods {
namespace {

constexpr double kTokenStd = 0.02;

class SimMim final : public Method {
 public:
  SimMim(const SimMimConfig& config, const MethodDeps& deps)
      : Method(deps.make_encoder()),
        vit_(encoders::as_vit(encoder())),
        init_(deps.seed, kFirstHeadOrdinal),
        decoder_(vit_.width(),
                 vit_.patch_size() * vit_.patch_size() * deps.channels,
                 /*bias=*/true,
                 init_),
        mask_token_D_(register_parameter("mask_token", init_.normal({vit_.width()}, kTokenStd))),
        config_(config),
        seed_(deps.seed) {
    register_module("decoder", decoder_);
  }

  StepResult forward(std::span<const at::Tensor> views, const StepContext& context) override {
    check_invariant(views.size() == 1, "SimMIM has one view");
    const at::Tensor& x_NCHW = views[0];
    const std::int64_t p = vit_.patch_size();
    const at::Tensor hidden_NM = random_cells({seed_, context.progress.epoch(), context.samples},
                                              x_NCHW.size(2) / p,
                                              x_NCHW.size(3) / p,
                                              config_.mask_size / p,
                                              config_.mask_ratio)
                                     .to(x_NCHW.device());
    const at::Tensor tokens_NTD = vit_.tokens(x_NCHW, hidden_NM, mask_token_D_);
    const at::Tensor predicted_NMP = decoder_.forward(tokens_NTD.slice(1, vit_.prefix()));
    const at::Tensor mean_ND = tokens_NTD.detach().slice(1, vit_.prefix()).mean(1);
    return {.loss = ops::hidden_pixel_loss(
                predicted_NMP, ops::patchify(x_NCHW, p), hidden_NM, ops::PixelError::kAbsolute),
            .scalars = {{"embedding_std", ops::embedding_std(mean_ND)}},
            .embeddings = {mean_ND}};
  }

  std::int64_t embedding_dim() const override { return vit_.width(); }

 private:
  const encoders::VisionTransformer& vit_;
  nn::Init init_;
  nn::Linear decoder_;
  at::Tensor mask_token_D_;
  SimMimConfig config_;
  std::uint32_t seed_;
};

}  // namespace

std::unique_ptr<Method> make_method_simmim(const config::Component& component,
                                           const MethodDeps& deps) {
  return std::make_unique<SimMim>(dynamic_cast<const SimMimConfig&>(component), deps);
}

}  // namespace sslrun::methods
