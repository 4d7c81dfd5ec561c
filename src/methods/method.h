// A method turns the views of a batch into a loss.  N images of one process, C channels, H x W
// pixels.
#pragma once
#include "encoders/encoder.h"
#include "nn/ema.h"
#include "nn/module.h"
#include "optim/parameter_rule.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
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
  std::int64_t steps_per_epoch = 1;

  std::int64_t epoch() const { return step / steps_per_epoch; }
};

/// What a method is made with.
struct MethodDeps {
  /// Makes the encoder of the recipe with its starting weights, each time the same.
  std::function<std::unique_ptr<encoders::Encoder>()> make_encoder;
  std::uint32_t seed = 0;         // of the method's own parts and of what it draws
  std::int64_t train_images = 0;  // images that the run trains on; samples are numbered below it
  std::int64_t channels = 3;      // of the images
};

/// What a micro-batch comes with. targets[v] [N, T_v] int64: the classes that view v's operation sets
/// the method to predict, T_v = 0 for most; empty for a method that needs none. samples [N]: the
/// numbers of the images, what a method draws for each of them depends on. labels [N] int64: the
/// images' classes, undefined where the method does not need them.
struct StepContext {
  dist::World& world;
  Progress progress = {};
  std::span<const std::int64_t> samples = {};
  std::span<const at::Tensor> targets = {};
  at::Tensor labels = {};
  bool diagnose = false;  // add what costs more than a step should, for its line in the log
};

struct StepResult {
  at::Tensor loss;  // a float32 scalar with its graph
  std::vector<std::pair<std::string, at::Tensor>> scalars =
      {};  // float32 scalars to log, without a graph
  /// [N, D] each: the embeddings of one view, or of two, where row i of both is image i. Empty for a
  /// method that has none.
  std::vector<at::Tensor> embeddings = {};
  /// K of a loss that chooses one of K: guessing_scale ln K is what it is worth when nothing is told
  /// apart. 0: it is no such loss.
  std::int64_t candidates = 0;
  double guessing_scale = 1;  // of a sum of choices, or of a scaled one
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
  /// it.
  virtual void before_step(const Progress& progress) { static_cast<void>(progress); }

  virtual void after_step(const Progress& progress) { static_cast<void>(progress); }

  /// Called in place of after_step where the weights did not move: drops what the micro-batches of the
  /// step have left for it. Buffers that forward has written are the caller's to put back.
  virtual void forget_step() {}

  /// What the optimizer moves in the step after the weights that it follows.
  virtual nn::Following following(const Progress& progress) const {
    static_cast<void>(progress);
    return {};
  }

  /// D, the size of the embedding that the loss sees.
  virtual std::int64_t embedding_dim() const = 0;

  /// The encoder in training.
  encoders::Encoder& encoder() const { return *encoder_; }

  /// The encoder that evaluation looks at and that is exported, the one that MethodConfig::evaluated
  /// names.
  virtual encoders::Encoder& evaluated() const { return *encoder_; }

  /// How the parameter of that name moves where it is not as the optimizer's keys say.
  virtual optim::ParameterRule rule(std::string_view name, std::int64_t steps_per_epoch) const {
    static_cast<void>(name);
    static_cast<void>(steps_per_epoch);
    return {};
  }

 protected:
  explicit Method(std::unique_ptr<encoders::Encoder> encoder) : encoder_(std::move(encoder)) {
    register_module("encoder", *encoder_);
  }

 private:
  std::unique_ptr<encoders::Encoder> encoder_;
};

/// The method that a recipe names, on the CPU in train mode.
std::unique_ptr<Method> make_method(const config::NamedComponent& component,
                                    const MethodDeps& deps);

}  // namespace sslrun::methods
