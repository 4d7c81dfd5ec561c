// What a network is made of: named parameters and buffers, and modules inside modules.
#pragma once
#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace sslrun::nn {

/// Tensors with the names that PyTorch's state_dict gives them ("layer1.0.conv1.weight"), in order
/// of registration.
using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// Base of every network part. A part registers its tensors and its inner parts in its constructor,
/// under PyTorch's names; the base then lists, moves and converts them. A tensor keeps its identity
/// for life: moves replace its data in place, so a list taken earlier (by an optimizer, say) stays
/// good. Not copyable nor movable: the inner parts are members, known to the base by address.
class Module {
 public:
  Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module() = default;

  /// What is trained, leaves that require gradients: own parameters first, then those of the inner
  /// modules.
  NamedTensors named_parameters() const;
  /// The parameters, trained or frozen.
  NamedTensors named_weights() const;
  /// What is kept beside the parameters: running statistics.
  NamedTensors named_buffers() const;
  /// Parameters and buffers in PyTorch's order: module by module, parameters before buffers.
  NamedTensors named_state() const;

  /// Stops training the parameters of the whole tree: they stay part of the state.
  void freeze();

  /// Train mode (batch statistics; the mode of a new module) or evaluation mode (running
  /// statistics), for the whole tree.
  void train(bool on = true);

  bool training() const { return training_; }

  /// Moves parameters and buffers; gradients are dropped.
  void to(at::Device device);
  /// Calls f with this module and every inner one.
  void for_each(const std::function<void(Module&)>& f);
  /// Stores every 4-D parameter channels last (NHWC in memory), the layout that convolutions run
  /// fastest in.
  void to_channels_last();

 protected:
  /// value: a dense leaf; becomes trainable. Returns the tensor to keep as a member.
  at::Tensor register_parameter(std::string name, at::Tensor value);
  at::Tensor register_buffer(std::string name, at::Tensor value);
  /// child: a member of this module, or owned by one. An empty name adds nothing to those of its
  /// parts.
  void register_module(std::string name, Module& child);

 private:
  enum Kinds : unsigned { kTrained = 1, kFrozen = 2, kWeights = 3, kBuffers = 4 };

  void collect(const std::string& prefix, unsigned kinds, NamedTensors& out) const;

  NamedTensors parameters_, buffers_;
  std::vector<std::pair<std::string, Module*>> modules_;
  bool training_ = true;
};

/// Copies `values` into the state of `module`, name by name.
/// errors    CheckpointError when a name is missing or unknown, or a shape differs: names the first
///           and how many.
void load_state(Module& module, const NamedTensors& values);

}  // namespace sslrun::nn
