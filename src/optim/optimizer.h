// Turns gradients into steps: the part that every optimizer shares.
#pragma once
#include "nn/ema.h"
#include "nn/module.h"
#include "optim/parameter_rule.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sslrun::config {
struct NamedComponent;
}

namespace sslrun::optim {

/// A parameter and how it moves.
struct Trained {
  std::string name;
  at::Tensor tensor;
  ParameterRule rule = {};
};

/// What a step takes from the schedule.
struct StepRates {
  double lr = 0;       // of this step
  double peak_lr = 0;  // of the parameters whose rate stays constant
  double share = 0;    // of the schedule that lies behind; what a changing weight decay goes by
};

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

  /// One step along the gradients in .grad(), which are left as they are; what follows moves towards
  /// its leaders after them, as nn::follow would move it, in the same sweep over memory where the
  /// optimizer has one. A parameter without a gradient that is not frozen, or moved since the
  /// optimizer was made, is a bug of the caller: nothing is changed then.
  void step(const StepRates& rates, const nn::Following& following = {});

  /// The same without a schedule.
  void step(double lr, const nn::Following& following = {}) {
    step({.lr = lr, .peak_lr = lr}, following);
  }

  /// The weight decay of the parameters that it applies to, at that share of the schedule.
  virtual double weight_decay(double share) const = 0;
  /// The share of its past that the average of the gradients keeps in a step: beta1 of Adam's kin.
  virtual double momentum() const = 0;

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
    ParameterRule rule;
    std::vector<std::int64_t> members;  // places in the list of parameters
    std::vector<at::Tensor> parameters, gradients;
    std::vector<at::Tensor> followers;  // of the step; undefined: none, empty: none at all
    std::vector<std::vector<at::Tensor>> slots;
  };

  /// What a group's update goes by.
  struct GroupStep {
    double lr = 0, share = 0;  // as in StepRates, the group's rule applied
    std::int64_t count = 1;    // updates of this group, this one included
    double tau = 1;            // of the followers
  };

  /// parameters: at least one, names unique, leaves that require gradients. Slots start at 0.
  Optimizer(std::vector<Trained> parameters, std::vector<std::string> slot_names);

  /// Updates the parameters and slots of a group. Runs without autograd. Returns whether it has
  /// moved the followers too.
  virtual bool update(Group& group, const GroupStep& step) = 0;

 private:
  Group& group_of(const Trained& parameter);
  void gather_gradients(Group& group) const;

  bool frozen(const Group& group) const { return steps_ < group.rule.frozen_steps; }

  std::vector<Trained> parameters_;
  std::vector<std::string> slot_names_;
  std::vector<Group> groups_;
  std::int64_t steps_ = 0;  // taken
};

/// The optimizer that a recipe names, over parameters in the order of Module::named_parameters.
std::unique_ptr<Optimizer> make_optimizer(const config::NamedComponent& component,
                                          std::vector<Trained> parameters);
/// The same where no parameter is an exception.
std::unique_ptr<Optimizer> make_optimizer(const config::NamedComponent& component,
                                          const nn::NamedTensors& parameters);

}  // namespace sslrun::optim
