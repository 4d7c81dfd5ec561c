#include "encoders/convnext.h"

#include "encoders/convnext_config.h"
#include "nn/conv2d.h"
#include "nn/drop_path.h"
#include "nn/layer_norm.h"
#include "nn/transformer_block.h"

#include <ATen/TensorOperators.h>

#include <numeric>
#include <string>
#include <vector>

namespace sslrun::encoders {
namespace {

using nn::Conv2d;
using nn::LayerNorm;

constexpr double kStd = 0.02;  // trunc_normal_(std=.02), whose cut at 2 is 100 deviations away
constexpr std::int64_t kKernel = 7;

std::unique_ptr<Conv2d> make_conv(std::int64_t inputs,
                                  std::int64_t outputs,
                                  std::int64_t kernel,
                                  nn::Init& init) {
  return std::make_unique<Conv2d>(init.normal({outputs, inputs, kernel, kernel}, kStd),
                                  nn::Init::constant({outputs}, 0),
                                  /*stride=*/kernel,
                                  /*padding=*/0);
}

/// Layer norm of each pixel's channels.
at::Tensor norm_pixels(const LayerNorm& norm, const at::Tensor& x_NCHW) {
  return norm.forward(x_NCHW.permute({0, 2, 3, 1})).permute({0, 3, 1, 2});
}

class Block final : public nn::Module {
 public:
  Block(std::int64_t channels, double layer_scale, double drop_path, nn::Init& init)
      : gamma_C_(register_parameter("gamma", nn::Init::constant({channels}, layer_scale))),
        conv_(init.normal({channels, 1, kKernel, kKernel}, kStd),
              nn::Init::constant({channels}, 0),
              /*stride=*/1,
              /*padding=*/kKernel / 2,
              /*groups=*/channels),
        norm_(channels),
        mlp_(channels, /*swiglu=*/false, {}, init),
        drop_(drop_path) {
    register_module("conv_dw", conv_);
    register_module("norm", norm_);
    register_module("mlp", mlp_);
    register_module("drop_path", drop_);
  }

  at::Tensor forward(const at::Tensor& x_NCHW) const {
    const at::Tensor x_NHWC = conv_.forward(x_NCHW).permute({0, 2, 3, 1});
    const at::Tensor y_NHWC = mlp_.forward(norm_.forward(x_NHWC)) * gamma_C_;
    return x_NCHW + drop_.forward(y_NHWC).permute({0, 3, 1, 2});
  }

 private:
  at::Tensor gamma_C_;
  Conv2d conv_;
  LayerNorm norm_;
  nn::FeedForward mlp_;
  nn::DropPath drop_;
};

class ConvNeXt final : public Encoder {
 public:
  ConvNeXt(const ConvNeXtShape& shape, nn::Init& init)
      : stem_(make_conv(shape.channels, shape.width, 4, init)),
        stem_norm_(shape.width),
        width_(shape.width),
        head_norm_(8 * shape.width) {
    register_module("stem.0", *stem_);
    register_module("stem.1", stem_norm_);
    const std::int64_t blocks = std::accumulate(shape.depths.begin(), shape.depths.end(), 0l);
    std::int64_t block = 0;
    for (std::size_t i = 0; i < shape.depths.size(); ++i) {
      const std::string prefix = "stages." + std::to_string(i) + ".";
      Stage& stage = stages_[i];
      if (i > 0) {
        stage.norm = std::make_unique<LayerNorm>(width_);
        stage.conv = make_conv(width_, 2 * width_, 2, init);
        register_module(prefix + "downsample.0", *stage.norm);
        register_module(prefix + "downsample.1", *stage.conv);
        width_ *= 2;
      }
      for (std::int64_t j = 0; j < shape.depths[i]; ++j, ++block) {
        const double share =
            blocks > 1 ? static_cast<double>(block) / static_cast<double>(blocks - 1) : 0;
        stage.blocks.push_back(
            std::make_unique<Block>(width_, shape.layer_scale, shape.drop_path * share, init));
        register_module(prefix + "blocks." + std::to_string(j), *stage.blocks.back());
      }
    }
    register_module("head.norm", head_norm_);
  }

  std::int64_t width() const override { return width_; }

  at::Tensor forward(const at::Tensor& x_NCHW) const override {
    at::Tensor y = norm_pixels(stem_norm_, stem_->forward(x_NCHW));
    for (const Stage& stage : stages_) {
      if (stage.norm) y = stage.conv->forward(norm_pixels(*stage.norm, y));
      for (const auto& block : stage.blocks) y = block->forward(y);
    }
    return head_norm_.forward(y.mean(at::IntArrayRef{2, 3}));
  }

 private:
  struct Stage {
    std::unique_ptr<LayerNorm> norm;  // null in the first stage
    std::unique_ptr<Conv2d> conv;
    std::vector<std::unique_ptr<Block>> blocks;
  };

  std::unique_ptr<Conv2d> stem_;
  LayerNorm stem_norm_;
  std::array<Stage, 4> stages_;
  std::int64_t width_;  // channels so far, and of the last map when built
  LayerNorm head_norm_;
};

}  // namespace

std::unique_ptr<Encoder> make_convnext(const ConvNeXtShape& shape, std::uint32_t seed) {
  nn::Init init(seed);
  return std::make_unique<ConvNeXt>(shape, init);
}

std::unique_ptr<Encoder> make_encoder_convnext(const config::Component& component,
                                               std::uint32_t seed,
                                               std::int64_t channels) {
  const auto* const config = dynamic_cast<const ConvNeXtConfig*>(&component);
  if (config == nullptr) return nullptr;
  return make_convnext({.depths = config->depths,
                        .width = config->width,
                        .layer_scale = config->layer_scale,
                        .drop_path = config->drop_path,
                        .channels = channels},
                       seed);
}

}  // namespace sslrun::encoders
