#include "optim/optimizer.h"

#include "base/error.h"
#include "config/component.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

namespace sslrun::optim {

#define OPTIMIZER(name) std::unique_ptr<Optimizer> make_optimizer_##name(const config::Component&, nn::NamedTensors);
#include "optim/optimizers.def"
#undef OPTIMIZER

void Optimizer::zero_grad() {
  for (const auto& [name, parameter] : parameters_) parameter.mutable_grad().reset();
}

void Optimizer::load_state(const nn::NamedTensors& values) {
  std::map<std::string, at::Tensor> given(values.begin(), values.end());
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : state_) {
    const auto found = given.find(name);
    if (found == given.end()) {
      throw CheckpointError(fmt::format("the optimizer's state must hold '{}', and it is missing; use the recipe that it was saved with", name));
    }
    if (found->second.sizes() != tensor.sizes()) {
      throw CheckpointError(fmt::format("'{}' of the optimizer's state must have shape [{}], got [{}]; use the recipe that it was saved with",
                                        name, fmt::join(tensor.sizes(), ", "), fmt::join(found->second.sizes(), ", ")));
    }
    given.erase(found);
  }
  if (!given.empty()) {
    throw CheckpointError(fmt::format("'{}' is no part of this optimizer's state; use the recipe that it was saved with", given.begin()->first));
  }
  const std::map<std::string, at::Tensor> by_name(values.begin(), values.end());
  for (const auto& [name, tensor] : state_) tensor.copy_(by_name.at(name));
}

std::vector<at::Tensor> Optimizer::add_state(const std::string& kind) {
  std::vector<at::Tensor> out;
  for (const auto& [name, parameter] : parameters_) {
    out.push_back(at::zeros_like(parameter).detach());
    state_.emplace_back(kind + "." + name, out.back());
  }
  return out;
}

at::Tensor Optimizer::add_scalar(const std::string& name) {
  state_.emplace_back(name, at::zeros({}, at::kDouble));
  return state_.back().second;
}

std::vector<at::Tensor> Optimizer::gradients() const {
  std::vector<at::Tensor> out;
  for (const auto& [name, parameter] : parameters_) {
    check_invariant(parameter.grad().defined(), "every parameter has a gradient: " + name);
    out.push_back(parameter.grad());
  }
  return out;
}

std::unique_ptr<Optimizer> make_optimizer(const config::NamedComponent& component, nn::NamedTensors parameters) {
  check_invariant(component.config != nullptr, "a recipe's optimizer has its configuration");
#define OPTIMIZER(id) \
  if (component.name == #id) return make_optimizer_##id(*component.config, std::move(parameters));
#include "optim/optimizers.def"
#undef OPTIMIZER
  throw UsageError("optimizer '" + component.name + "' must be one that this sslrun can run; see sslrun list optimizers");
}

}  // namespace sslrun::optim
