#include "encoders/resnet.h"

#include "base/error.h"
#include "encoders/resnet_config.h"
#include "nn/batch_norm.h"
#include "nn/conv2d.h"

#include <array>
#include <string>
#include <vector>

namespace sslrun::encoders {
namespace {

using nn::Affine;
using nn::BatchNorm;
using nn::Conv2d;

constexpr std::int64_t kBottleneckExpansion = 4;

/// A 1x1 convolution and a norm where a block changes the shape, else nothing.
class Shortcut final : public nn::Module {
 public:
  Shortcut(std::int64_t inputs, std::int64_t outputs, std::int64_t stride, nn::Init& init) {
    if (stride == 1 && inputs == outputs) return;
    conv_ = std::make_unique<Conv2d>(inputs, outputs, 1, stride, 0, init);
    norm_ = std::make_unique<BatchNorm>(outputs);
    register_module("0", *conv_);
    register_module("1", *norm_);
  }

  at::Tensor forward(const at::Tensor& x_NCHW) const {
    return conv_ ? norm_->forward(conv_->forward(x_NCHW)) : x_NCHW;
  }

 private:
  std::unique_ptr<Conv2d> conv_;
  std::unique_ptr<BatchNorm> norm_;
};

/// Convolutions with their norms, ReLU between them; the shortcut is added before the last ReLU.
class Block final : public nn::Module {
 public:
  /// bottleneck: channels between the 1x1 convolutions; 0: two 3x3 convolutions instead.
  Block(std::int64_t inputs,
        std::int64_t width,
        std::int64_t stride,
        std::int64_t bottleneck,
        double last_gamma,
        nn::Init& init)
      : outputs_(bottleneck > 0 ? width * kBottleneckExpansion : width) {
    if (bottleneck > 0) {
      add(inputs, bottleneck, 1, 1, 1.0, init);
      add(bottleneck, bottleneck, 3, stride, 1.0, init);
      add(bottleneck, outputs_, 1, 1, last_gamma, init);
    } else {
      add(inputs, width, 3, stride, 1.0, init);
      add(width, width, 3, 1, last_gamma, init);
    }
    shortcut_ = std::make_unique<Shortcut>(inputs, outputs_, stride, init);
    register_module("downsample", *shortcut_);
  }

  std::int64_t outputs() const { return outputs_; }

  at::Tensor forward(const at::Tensor& x_NCHW) const {
    at::Tensor y = x_NCHW;
    for (std::size_t i = 0; i < convs_.size(); ++i) {
      if (i > 0) y = y.relu_();
      y = norms_[i]->forward(convs_[i]->forward(y));
    }
    return y.add_(shortcut_->forward(x_NCHW)).relu_();
  }

 private:
  void add(std::int64_t inputs,
           std::int64_t outputs,
           std::int64_t kernel,
           std::int64_t stride,
           double gamma,
           nn::Init& init) {
    const std::string ordinal = std::to_string(convs_.size() + 1);
    convs_.push_back(std::make_unique<Conv2d>(inputs, outputs, kernel, stride, kernel / 2, init));
    norms_.push_back(std::make_unique<BatchNorm>(outputs, Affine::kScaleAndShift, gamma));
    register_module("conv" + ordinal, *convs_.back());
    register_module("bn" + ordinal, *norms_.back());
  }

  std::int64_t outputs_;
  std::vector<std::unique_ptr<Conv2d>> convs_;
  std::vector<std::unique_ptr<BatchNorm>> norms_;
  std::unique_ptr<Shortcut> shortcut_;
};

std::array<int, 4> blocks_per_stage(std::int64_t depth) {
  if (depth == 18) return {2, 2, 2, 2};
  if (depth == 34 || depth == 50) return {3, 4, 6, 3};
  if (depth == 101) return {3, 4, 23, 3};
  if (depth == 152) return {3, 8, 36, 3};
  throw UsageError("depth of a ResNet must be 18, 34, 50, 101 or 152, got " +
                   std::to_string(depth));
}

class ResNet final : public Encoder {
 public:
  ResNet(const ResNetShape& shape, nn::Init& init)
      : cifar_stem_(shape.cifar_stem),
        conv1_(shape.channels,
               shape.width,
               cifar_stem_ ? 3 : 7,
               cifar_stem_ ? 1 : 2,
               cifar_stem_ ? 1 : 3,
               init),
        bn1_(shape.width),
        width_(shape.width) {
    register_module("conv1", conv1_);
    register_module("bn1", bn1_);
    const std::array<int, 4> counts = blocks_per_stage(shape.depth);
    for (std::size_t stage = 0; stage < counts.size(); ++stage) {
      const std::string prefix = "layer" + std::to_string(stage + 1) + ".";
      for (int i = 0; i < counts[stage]; ++i) {
        const std::int64_t stride = i == 0 && stage > 0 ? 2 : 1;
        const std::int64_t planes = shape.width << stage;
        blocks_.push_back(std::make_unique<Block>(width_,
                                                  planes,
                                                  stride,
                                                  shape.depth >= 50 ? planes * shape.widening : 0,
                                                  shape.zero_init_residual ? 0.0 : 1.0,
                                                  init));
        width_ = blocks_.back()->outputs();
        register_module(prefix + std::to_string(i), *blocks_.back());
      }
    }
  }

  std::int64_t width() const override { return width_; }

  at::Tensor forward(const at::Tensor& x_NCHW) const override {
    at::Tensor y = bn1_.forward(conv1_.forward(x_NCHW)).relu_();
    if (!cifar_stem_) y = nn::max_pool2d(y, 3, 2, 1);
    for (const auto& block : blocks_) y = block->forward(y);
    return y.mean(at::IntArrayRef{2, 3});
  }

 private:
  bool cifar_stem_;
  Conv2d conv1_;
  BatchNorm bn1_;
  std::vector<std::unique_ptr<Block>> blocks_;
  std::int64_t width_;  // channels so far, and of the last map when built
};

}  // namespace

std::unique_ptr<Encoder> make_resnet(const ResNetShape& shape, std::uint32_t seed) {
  nn::Init init(seed);
  return std::make_unique<ResNet>(shape, init);
}

std::unique_ptr<Encoder> make_encoder_resnet(const config::Component& component,
                                             std::uint32_t seed,
                                             std::int64_t channels) {
  const auto* const config = dynamic_cast<const ResNetConfig*>(&component);
  if (config == nullptr) return nullptr;
  return make_resnet({.depth = config->depth,
                      .cifar_stem = config->stem == "cifar",
                      .width = config->width,
                      .widening = config->widening,
                      .zero_init_residual = config->zero_init_residual,
                      .channels = channels},
                     seed);
}

}  // namespace sslrun::encoders
