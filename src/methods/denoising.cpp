// Denoising and inpainting autoencoder: restore an image from what noise or holes left of it.  N
// images of this process, C channels, H x W pixels, F features.  source: Vincent et al. 2008,
// "Extracting and composing robust features with denoising autoencoders"; Pathak et al. 2016,
// arXiv:1604.07379, equation 1 (context encoder, without its adversarial part).
#include "base/error.h"
#include "base/thread_pool.h"
#include "methods/denoising_config.h"
#include "methods/method.h"
#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/linear.h"
#include "ops/autocast.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include <cmath>

namespace sslrun::methods {
namespace {

constexpr std::int64_t kFirstSide = 4;  // of the map that the features become

/// Features to a map of 4 x 4, then blocks that enlarge it, by one factor each, and convolve.
class Decoder final : public nn::Module {
 public:
  Decoder(std::int64_t features,
          const DenoisingConfig& config,
          std::int64_t channels,
          nn::Init& init)
      : width_(config.decoder_width),
        input_(features, width_ * kFirstSide * kFirstSide, /*bias=*/true, init) {
    register_module("input", input_);
    for (std::int64_t b = 0; b < config.decoder_blocks; ++b) {
      convs_.push_back(std::make_unique<nn::Conv2d>(width_, width_, 3, 1, 1, init));
      norms_.push_back(std::make_unique<nn::BatchNorm>(width_));
      register_module("conv" + std::to_string(b + 1), *convs_.back());
      register_module("bn" + std::to_string(b + 1), *norms_.back());
    }
    output_ = std::make_unique<nn::Conv2d>(width_, channels, 3, 1, 1, init);
    register_module("output", *output_);
  }

  at::Tensor forward(const at::Tensor& features_NF, std::int64_t height, std::int64_t width) const {
    at::Tensor y = input_.forward(features_NF).view({-1, width_, kFirstSide, kFirstSide}).relu();
    for (std::size_t b = 0; b < convs_.size(); ++b) {
      y = nn::enlarge(y, side_after(b + 1, height), side_after(b + 1, width));
      y = norms_[b]->forward(convs_[b]->forward(y)).relu();
    }
    return output_->forward(y);
  }

 private:
  std::int64_t side_after(std::size_t blocks, std::int64_t last) const {
    const double part = static_cast<double>(blocks) / static_cast<double>(convs_.size());
    const double first = static_cast<double>(kFirstSide);
    return std::lround(first * std::pow(static_cast<double>(last) / first, part));
  }

  std::int64_t width_;
  nn::Linear input_;
  std::vector<std::unique_ptr<nn::Conv2d>> convs_;
  std::vector<std::unique_ptr<nn::BatchNorm>> norms_;
  std::unique_ptr<nn::Conv2d> output_;
};

class Denoising final : public Method {
 public:
  Denoising(const DenoisingConfig& config, const MethodDeps& deps)
      : Method(deps.make_encoder()),
        config_(config),
        seed_(deps.seed),
        init_(deps.seed, kFirstHeadOrdinal),
        decoder_(encoder().width(), config, deps.channels, init_) {
    register_module("decoder", decoder_);
  }

  StepResult forward(std::span<const at::Tensor> views, const StepContext& context) override {
    check_invariant(views.size() == 1, "a denoising autoencoder has one view");
    const at::Tensor& x_NCHW = views[0];
    const auto [noise_NCHW, hidden_N1HW] = draw(x_NCHW, context);
    const at::Tensor features_NF = encoder().forward(x_NCHW * (1 - hidden_N1HW) + noise_NCHW);
    const at::Tensor restored =
        ops::at_full_precision(decoder_.forward(features_NF, x_NCHW.size(2), x_NCHW.size(3)));
    const at::Tensor error_N1HW = (restored - x_NCHW).square().mean({1}, /*keepdim=*/true);
    if (config_.loss == "all") return {.loss = error_N1HW.mean(), .scalars = {}};
    // By image first: the mean over processes and micro-batches is then that over all images.
    const at::Tensor pixels_N = hidden_N1HW.sum({1, 2, 3}).clamp_min(1);
    return {.loss = ((error_N1HW * hidden_N1HW).sum({1, 2, 3}) / pixels_N).mean(), .scalars = {}};
  }

  std::int64_t embedding_dim() const override { return encoder().width(); }

 private:
  struct Drawn {
    at::Tensor noise_NCHW, hidden_N1HW;
  };

  // What happens to image i follows from the epoch and its number alone.
  Drawn draw(const at::Tensor& x_NCHW, const StepContext& context) const {
    const std::int64_t n = x_NCHW.size(0), c = x_NCHW.size(1), h = x_NCHW.size(2),
                       w = x_NCHW.size(3);
    check_invariant(static_cast<std::int64_t>(context.samples.size()) == n,
                    "each image has its number");
    const at::Tensor noise = at::zeros({n, c, h, w}), hidden = at::zeros({n, 1, h, w});
    float* const noise_at = noise.mutable_data_ptr<float>();
    float* const hidden_at = hidden.mutable_data_ptr<float>();
    parallel_for(n, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        Rng rng(seed_,
                Purpose::kMethod,
                static_cast<std::uint32_t>(context.progress.epoch()),
                static_cast<std::uint32_t>(context.samples[static_cast<std::size_t>(i)]),
                0);
        draw_corruption(
            config_.corruption, c, h, w, rng, noise_at + i * c * h * w, hidden_at + i * h * w);
      }
    });
    return {noise.to(x_NCHW.device()), hidden.to(x_NCHW.device())};
  }

  DenoisingConfig config_;
  std::uint32_t seed_;
  nn::Init init_;
  Decoder decoder_;
};

}  // namespace

std::unique_ptr<Method> make_method_denoising(const config::Component& component,
                                              const MethodDeps& deps) {
  return std::make_unique<Denoising>(dynamic_cast<const DenoisingConfig&>(component), deps);
}

}  // namespace sslrun::methods
