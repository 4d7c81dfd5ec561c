#include "optim/optimizer.h"

#include "base/error.h"
#include "config/component.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros_like.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unordered_map>

namespace sslrun::optim {

#define OPTIMIZER(name)                                                   \
  std::unique_ptr<Optimizer> make_##name(const config::Component& config, \
                                         std::vector<Trained> parameters);
#include "optim/optimizers.def"
#undef OPTIMIZER

namespace {

using FollowerOf = std::unordered_map<const c10::TensorImpl*, at::Tensor>;

/// Those of the parameters, undefined where one has none; an empty list where none has.
std::vector<at::Tensor> followers_in(const FollowerOf& waiting,
                                     const std::vector<at::Tensor>& parameters) {
  std::vector<at::Tensor> out(parameters.size());
  bool any = false;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto found = waiting.find(parameters[i].unsafeGetTensorImpl());
    if (found == waiting.end()) continue;
    out[i] = found->second;
    any = true;
  }
  return any ? out : std::vector<at::Tensor>();
}

}  // namespace

std::unique_ptr<Optimizer> make_optimizer(const config::NamedComponent& component,
                                          std::vector<Trained> parameters) {
  check_invariant(component.config != nullptr, "a recipe's optimizer has its configuration");
#define OPTIMIZER(item) \
  if (component.name == #item) return make_##item(*component.config, std::move(parameters));
#include "optim/optimizers.def"
#undef OPTIMIZER
  throw UsageError("optimizer '" + component.name + "' must be one that this sslrun can build");
}

std::unique_ptr<Optimizer> make_optimizer(const config::NamedComponent& component,
                                          const nn::NamedTensors& parameters) {
  std::vector<Trained> alike;
  for (const auto& [name, tensor] : parameters) alike.push_back({name, tensor});
  return make_optimizer(component, std::move(alike));
}

Optimizer::Optimizer(std::vector<Trained> parameters, std::vector<std::string> slot_names)
    : parameters_(std::move(parameters)), slot_names_(std::move(slot_names)) {
  check_invariant(!parameters_.empty(), "an optimizer has parameters");
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& parameter = parameters_[i].tensor;
    Group& group = group_of(parameters_[i]);
    group.members.push_back(static_cast<std::int64_t>(i));
    group.parameters.push_back(parameter);
    for (auto& slot : group.slots) slot.push_back(at::zeros_like(parameter).detach());
  }
}

Optimizer::Group& Optimizer::group_of(const Trained& parameter) {
  const bool matrix = parameter.tensor.dim() > 1;
  for (Group& group : groups_) {
    if (group.matrices == matrix && group.rule == parameter.rule) return group;
  }
  Group group;
  group.matrices = matrix;
  group.rule = parameter.rule;
  group.slots.resize(slot_names_.size());
  return groups_.emplace_back(std::move(group));
}

void Optimizer::gather_gradients(Group& group) const {
  group.gradients.clear();
  for (std::size_t i = 0; i < group.parameters.size(); ++i) {
    const at::Tensor &parameter = group.parameters[i], &gradient = parameter.grad();
    const std::string& name = parameters_[static_cast<std::size_t>(group.members[i])].name;
    check_invariant(gradient.defined(),
                    "parameter '" + name + "' has a gradient when a step is taken");
    for (const auto& slot : group.slots) {
      check_invariant(
          slot[i].device() == parameter.device() && slot[i].strides() == parameter.strides(),
          "parameter '" + name + "' stays in the place that it had when its optimizer was made");
    }
    // The fused operators walk the memory of parameter, gradient and slots in parallel.
    const bool same_layout = gradient.strides() == parameter.strides();
    group.gradients.push_back(same_layout ? gradient
                                          : at::empty_like(parameter).detach().copy_(gradient));
  }
}

void Optimizer::step(const StepRates& rates, const nn::Following& following) {
  const at::NoGradGuard no_grad;
  for (Group& group : groups_) {
    if (!frozen(group)) gather_gradients(group);
  }
  FollowerOf waiting;
  for (std::size_t i = 0; i < following.leaders.size(); ++i)
    waiting.emplace(following.leaders[i].unsafeGetTensorImpl(), following.followers[i]);
  for (Group& group : groups_) {
    if (frozen(group)) continue;
    const ParameterRule& rule = group.rule;
    const double lr = steps_ < rule.zero_lr_steps ? 0 : rule.constant_lr ? rates.peak_lr : rates.lr;
    group.followers = followers_in(waiting, group.parameters);
    const bool followed = update(group,
                                 {.lr = lr * rule.lr_scale,
                                  .share = rates.share,
                                  .count = steps_ + 1 - rule.frozen_steps,
                                  .tau = following.tau});
    if (followed) {
      for (const at::Tensor& parameter : group.parameters)
        waiting.erase(parameter.unsafeGetTensorImpl());
    }
    group.gradients.clear();
    group.followers.clear();
  }
  nn::Following rest{.tau = following.tau};
  for (std::size_t i = 0; i < following.leaders.size(); ++i) {
    if (!waiting.contains(following.leaders[i].unsafeGetTensorImpl())) continue;
    rest.leaders.push_back(following.leaders[i]);
    rest.followers.push_back(following.followers[i]);
  }
  nn::follow(rest);
  ++steps_;
}

void Optimizer::zero_grad() {
  for (Trained& parameter : parameters_) parameter.tensor.mutable_grad().reset();
}

nn::NamedTensors Optimizer::state() const {
  nn::NamedTensors out(parameters_.size() * slot_names_.size());
  for (const Group& group : groups_) {
    for (std::size_t s = 0; s < slot_names_.size(); ++s) {
      for (std::size_t i = 0; i < group.members.size(); ++i) {
        const auto place = static_cast<std::size_t>(group.members[i]);
        out[place * slot_names_.size() + s] = {slot_names_[s] + "." + parameters_[place].name,
                                               group.slots[s][i]};
      }
    }
  }
  out.emplace_back("step", at::scalar_tensor(steps_, at::kLong));
  return out;
}

void Optimizer::load_state(const nn::NamedTensors& values) {
  const nn::NamedTensors own = state();
  std::unordered_map<std::string_view, const at::Tensor*> given;
  for (const auto& [name, value] : values) given.emplace(name, &value);
  std::vector<std::string> mistakes;
  for (const auto& [name, tensor] : own) {
    const auto found = given.find(name);
    if (found == given.end()) {
      mistakes.push_back(fmt::format("'{}' is missing", name));
    } else if (found->second->sizes() != tensor.sizes()) {
      mistakes.push_back(fmt::format("'{}' must have shape [{}], got [{}]",
                                     name,
                                     fmt::join(tensor.sizes(), ", "),
                                     fmt::join(found->second->sizes(), ", ")));
    }
  }
  std::unordered_map<std::string_view, const at::Tensor*> known;
  for (const auto& [name, tensor] : own) known.emplace(name, &tensor);
  for (const auto& [name, value] : values) {
    if (!known.contains(name))
      mistakes.push_back(fmt::format("'{}' is no part of this optimizer", name));
  }
  if (!mistakes.empty()) {
    throw CheckpointError(
        fmt::format("the optimizer's state must be that of this optimizer and network: {} "
                    "({} such differences); use the recipe that it was saved with",
                    mistakes.front(),
                    mistakes.size()));
  }
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : own) tensor.copy_(*given.at(name));
  steps_ = given.at("step")->item<std::int64_t>();
}

}  // namespace sslrun::optim
