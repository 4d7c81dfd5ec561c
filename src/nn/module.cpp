#include "nn/module.h"

#include "base/error.h"

#include <ATen/core/grad_mode.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unordered_map>

namespace sslrun::nn {

at::Tensor Module::register_parameter(std::string name, at::Tensor value) {
  value.requires_grad_(true);
  parameters_.emplace_back(std::move(name), value);
  return value;
}

at::Tensor Module::register_buffer(std::string name, at::Tensor value) {
  buffers_.emplace_back(std::move(name), value);
  return value;
}

void Module::register_module(std::string name, Module& child) {
  modules_.emplace_back(std::move(name), &child);
}

void Module::collect(const std::string& prefix, unsigned kinds, NamedTensors& out) const {
  for (const auto& [name, tensor] : parameters_) {
    if (kinds & (tensor.requires_grad() ? kTrained : kFrozen))
      out.emplace_back(prefix + name, tensor);
  }
  if (kinds & kBuffers) {
    for (const auto& [name, tensor] : buffers_) out.emplace_back(prefix + name, tensor);
  }
  for (const auto& [name, child] : modules_)
    child->collect(name.empty() ? prefix : prefix + name + ".", kinds, out);
}

NamedTensors Module::named_parameters() const {
  NamedTensors out;
  collect("", kTrained, out);
  return out;
}

NamedTensors Module::named_weights() const {
  NamedTensors out;
  collect("", kWeights, out);
  return out;
}

NamedTensors Module::named_buffers() const {
  NamedTensors out;
  collect("", kBuffers, out);
  return out;
}

NamedTensors Module::named_state() const {
  NamedTensors out;
  collect("", kWeights | kBuffers, out);
  return out;
}

void Module::freeze() {
  for (auto& [name, tensor] : named_parameters()) tensor.requires_grad_(false);
}

void Module::for_each(const std::function<void(Module&)>& f) {
  f(*this);
  for (const auto& [name, child] : modules_) child->for_each(f);
}

void Module::train(bool on) {
  training_ = on;
  for (const auto& [name, child] : modules_) child->train(on);
}

void Module::to(at::Device device) {
  const at::NoGradGuard no_grad;
  for (auto& [name, tensor] : named_state()) {
    tensor.mutable_grad().reset();
    tensor.set_data(tensor.to(tensor.options().device(device)));
  }
}

void Module::to_channels_last() {
  const at::NoGradGuard no_grad;
  for (auto& [name, tensor] : named_weights()) {
    if (tensor.dim() == 4) tensor.set_data(tensor.contiguous(at::MemoryFormat::ChannelsLast));
  }
}

void load_state(Module& module, const NamedTensors& values) {
  const NamedTensors state = module.named_state();
  std::unordered_map<std::string_view, const at::Tensor*> given;
  for (const auto& [name, value] : values) given.emplace(name, &value);
  std::vector<std::string> mistakes;
  for (const auto& [name, tensor] : state) {
    const auto found = given.find(name);
    if (found == given.end()) {
      mistakes.push_back(fmt::format("'{}' is missing", name));
      continue;
    }
    if (found->second->sizes() != tensor.sizes()) {
      mistakes.push_back(fmt::format("'{}' must have shape [{}], got [{}]",
                                     name,
                                     fmt::join(tensor.sizes(), ", "),
                                     fmt::join(found->second->sizes(), ", ")));
    }
    given.erase(found);
  }
  for (const auto& [name, value] : values) {
    if (given.contains(name))
      mistakes.push_back(fmt::format("'{}' is no part of this network", name));
  }
  if (!mistakes.empty()) {
    throw CheckpointError(
        fmt::format("the weights must be those of this network: {} ({} such differences); "
                    "use the recipe that they were trained with",
                    mistakes.front(),
                    mistakes.size()));
  }
  const at::NoGradGuard no_grad;
  std::unordered_map<std::string_view, const at::Tensor*> by_name;
  for (const auto& [name, value] : values) by_name.emplace(name, &value);
  for (const auto& [name, tensor] : state) tensor.copy_(*by_name.at(name));
}

}  // namespace sslrun::nn
