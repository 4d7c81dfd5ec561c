// Moves the weights along their gradients.
#pragma once
#include "nn/module.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace sslrun::config {
struct NamedComponent;
}

namespace sslrun::optim {

/// Holds the parameters that it moves, and one or more float32 tensors per parameter ("momentum.encoder.conv1.weight").
/// With equal weights, gradients and state, equal bits come out.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// One step with the gradients that the parameters have; a parameter without one is a bug of the caller.
  virtual void step(double lr) = 0;
  /// Forgets the gradients.
  void zero_grad();
  /// What a resumed run needs, on the parameters' devices.
  nn::NamedTensors state() const { return state_; }
  /// errors    CheckpointError where a name is missing or unknown or a shape differs.
  void load_state(const nn::NamedTensors& values);

 protected:
  explicit Optimizer(nn::NamedTensors parameters) : parameters_(std::move(parameters)) {}

  /// One tensor of zeros per parameter, part of the state as "<kind>.<parameter>".
  std::vector<at::Tensor> add_state(const std::string& kind);
  /// One scalar, part of the state under this name.
  at::Tensor add_scalar(const std::string& name);
  /// The parameters' gradients in their order.
  std::vector<at::Tensor> gradients() const;

  const nn::NamedTensors& parameters() const { return parameters_; }

 private:
  nn::NamedTensors parameters_, state_;
};

/// The optimizer that a recipe names. parameters: leaves that require gradients.
std::unique_ptr<Optimizer> make_optimizer(const config::NamedComponent& component, nn::NamedTensors parameters);

}  // namespace sslrun::optim
