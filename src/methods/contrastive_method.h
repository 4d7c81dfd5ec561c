// A method whose loss compares the images of a batch by their embeddings, and sees nothing else of them.
#pragma once
#include "methods/method.h"

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

namespace sslrun::methods {

/// forward() in parts, so that the loss can be that of more images than go through the networks at a
/// time: the rows that embed() and keys() give for several micro-batches, one after another, are
/// those of one batch. Its configuration has no full_negatives_problem().
class ContrastiveMethod : public Method {
 public:
  /// What the loss sends a gradient to, or looks at. Called again with the same views and weights it
  /// gives the same; it changes nothing but running statistics.
  /// shapes    views as forward(); answer: [N, D] each, row i is image i.
  virtual std::vector<at::Tensor> embed(std::span<const at::Tensor> views) = 0;

  /// What the loss sees beside that, of a network that is not trained; it has no gradient.
  /// shapes    as embed().
  virtual std::vector<at::Tensor> keys(std::span<const at::Tensor> views) {
    static_cast<void>(views);
    return {};
  }

  /// The loss and the rest of the step's result. embeddings, keys: of N images; context: of the same
  /// ones, its labels with them. Draws nothing.
  virtual StepResult compare(std::span<const at::Tensor> embeddings,
                             std::span<const at::Tensor> keys,
                             const StepContext& context) = 0;

  StepResult forward(std::span<const at::Tensor> views, const StepContext& context) final {
    const std::vector<at::Tensor> embeddings = embed(views);
    return compare(embeddings, keys(views), context);
  }

 protected:
  using Method::Method;
};

}  // namespace sslrun::methods
