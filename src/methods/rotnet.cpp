// RotNet: by how many right angles was an image turned?  N images of this process; all their turned
// pictures are rows of one batch.  source: Gidaris et al. 2018, arXiv:1803.07728, section 3.1;
// gidariss/FeatureLearningRotNet.
#include "base/error.h"
#include "methods/method.h"
#include "methods/rotnet_config.h"
#include "nn/linear.h"
#include "ops/classification.h"

namespace sslrun::methods {
namespace {

constexpr std::int64_t kTurns = 4;

class RotNet final : public Method {
 public:
  explicit RotNet(const MethodDeps& deps)
      : Method(deps.make_encoder()),
        init_(deps.seed, kFirstHeadOrdinal),
        head_(encoder().width(), kTurns, /*bias=*/true, init_) {
    register_module("head", head_);
  }

  StepResult forward(std::span<const at::Tensor> views, const StepContext& context) override {
    check_invariant(views.size() == 1 && context.targets.size() == 1, "RotNet has one view");
    const at::Tensor features = encoder().forward(views[0]);
    const at::Tensor logits = head_.forward(features);
    const at::Tensor turns = context.targets[0].reshape({-1});
    return {.loss = ops::cross_entropy(logits, turns),
            .scalars = {{"pretext_top1", ops::top1(logits, turns)}},
            .candidates = kTurns};
  }

  std::int64_t embedding_dim() const override { return encoder().width(); }

 private:
  nn::Init init_;
  nn::Linear head_;
};

}  // namespace

std::unique_ptr<Method> make_method_rotnet(const config::Component&, const MethodDeps& deps) {
  return std::make_unique<RotNet>(deps);
}

}  // namespace sslrun::methods
