// A method turns the views of a batch into a loss.  N images of one process, C channels, H x W
// pixels.
#pragma once
#include "encoders/encoder.h"
#include "nn/module.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace sslrun::config {
struct NamedComponent;
}

namespace sslrun::dist {
class World;
}

namespace sslrun::methods {

/// Where a run stands: the step under way, counted from 0, and how many there are.
struct Progress {
  std::int64_t step = 0;
  std::int64_t total_steps = 1;
};

/// Makes the encoder of the recipe with its starting weights, each time the same.
using EncoderMaker = std::function<std::unique_ptr<encoders::Encoder>()>;

/// targets[v] [N, T_v] int64: the classes that view v's operation sets the method to predict, T_v = 0
/// for most; empty for a method that needs none.
struct StepContext {
  dist::World& world;
  std::span<const at::Tensor> targets = {};
};

struct StepResult {
  at::Tensor loss;  // a float32 scalar with its graph
  std::vector<std::pair<std::string, at::Tensor>>
      scalars;  // float32 scalars to log, without a graph
};

constexpr std::uint32_t kFirstHeadOrdinal = 1u << 16;  // of nn::Init: the encoder has those below

/// A method owns the encoder and what it trains beside it. Its state is named "encoder.*" and after
/// its own parts.
class Method : public nn::Module {
 public:
  /// One micro-batch. shapes: views[v] [N * P_v, C, H_v, W_v] float32, normalised; the P_v pictures
  /// of view v of image i, mostly one, in rows i * P_v and on.
  /// numerics  runs under the caller's autocast; the loss itself is computed in float32.
  virtual StepResult forward(std::span<const at::Tensor> views, const StepContext& context) = 0;

  /// Called before the first micro-batch of a step, and after the optimizer has moved the weights in
  /// it: where a momentum network follows.
  virtual void before_step(const Progress& progress) { static_cast<void>(progress); }

  virtual void after_step(const Progress& progress) { static_cast<void>(progress); }

  /// D, the size of the embedding that the loss sees.
  virtual std::int64_t embedding_dim() const = 0;

  /// The encoder in training: what evaluation looks at and what is exported.
  encoders::Encoder& encoder() const { return *encoder_; }

 protected:
  explicit Method(std::unique_ptr<encoders::Encoder> encoder) : encoder_(std::move(encoder)) {
    register_module("encoder", *encoder_);
  }

 private:
  std::unique_ptr<encoders::Encoder> encoder_;
};

/// The method that a recipe names, on the CPU in train mode, its own parts started from `seed`.
std::unique_ptr<Method> make_method(const config::NamedComponent& component,
                                    const EncoderMaker& make_encoder,
                                    std::uint32_t seed);

}  // namespace sslrun::methods
