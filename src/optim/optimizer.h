// Turns gradients into steps: the part that every optimizer shares.
#pragma once
#include "nn/module.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sslrun::config {
struct NamedComponent;
}

namespace sslrun::optim {

/// Base of the optimizers: holds the parameters, what is remembered of each (a "slot": momentum,
/// say) and the number of steps taken. Everything stays in the parameters' dtype, on their device
/// and in their memory layout, so move and convert a network before making its optimizer. From
/// equal state, equal gradients and an equal number of threads, steps are bit-equal; nothing waits
/// for a GPU.
class Optimizer {
 public:
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  virtual ~Optimizer() = default;

  /// One step of size lr along the gradients in .grad(), which are left as they are. A parameter
  /// without a gradient, or moved since the optimizer was made, is a bug of the caller: nothing is
  /// changed then.
  void step(double lr);
  /// Drops the gradients: the next backward pass stores its own instead of adding to them.
  void zero_grad();
  /// The slots as "<slot>.<parameter>" in the order of the parameters, and "step", the int64 number
  /// of steps taken. The tensors are those that step() updates, not copies.
  nn::NamedTensors state() const;
  /// Copies `values`, as state() of an optimizer of the same kind gave them, into this one.
  /// errors    CheckpointError when a name is missing or unknown, or a shape differs: names the
  ///           first and how many.
  void load_state(const nn::NamedTensors& values);

 protected:
  /// Parameters that are treated alike, as parallel lists; slots[s] belongs to the s-th slot name.
  struct Group {
    bool matrices = false;  // two or more dimensions, else biases, norms and other vectors
    std::vector<std::int64_t> members;  // places in the list of parameters
    std::vector<at::Tensor> parameters, gradients;
    std::vector<std::vector<at::Tensor>> slots;
  };

  /// parameters: at least one, names unique, leaves that require gradients. Slots start at 0.
  Optimizer(nn::NamedTensors parameters, std::vector<std::string> slot_names);

  /// Updates the parameters and slots of a group that is not empty. Runs without autograd, after
  /// the step was counted.
  virtual void update(Group& group, double lr) = 0;

  /// Steps taken, the one under way included.
  std::int64_t steps() const { return steps_; }

 private:
  void gather_gradients(Group& group) const;

  nn::NamedTensors parameters_;
  std::vector<std::string> slot_names_;
  std::array<Group, 2> groups_;
  std::int64_t steps_ = 0;
};

/// The optimizer that a recipe names, over `parameters` (as Module::named_parameters gives them).
std::unique_ptr<Optimizer> make_optimizer(const config::NamedComponent& component,
                                          nn::NamedTensors parameters);

}  // namespace sslrun::optim
