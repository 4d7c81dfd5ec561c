#include "optim/clip.h"

#include "base/error.h"
#include "recipe/recipe.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/stack.h>

#include <map>
#include <string>
#include <vector>

namespace sslrun::optim {
namespace {

at::Tensor factors(const at::Tensor& lengths, double norm) {
  return lengths.add(1e-6).reciprocal_().mul_(norm).clamp_max_(1);
}

}  // namespace

void clip_gradients(const nn::NamedTensors& parameters, const recipe::ClipConfig& clip) {
  const at::NoGradGuard no_grad;
  std::map<std::string, std::vector<at::Tensor>> parts;
  for (const auto& [name, parameter] : parameters) {
    check_invariant(parameter.grad().defined(), "a gradient that is clipped is there");
    parts[clip.scope == "module" ? name.substr(0, name.find('.')) : ""].push_back(parameter.grad());
  }
  for (const auto& [part, gradients] : parts) {
    const at::Tensor length_P = at::stack(at::_foreach_norm(gradients));
    if (clip.scope == "tensor") {
      at::_foreach_mul_(gradients, factors(length_P, clip.norm).unbind());
    } else {
      at::_foreach_mul_(gradients, factors(length_P.norm(), clip.norm));
    }
  }
}

}  // namespace sslrun::optim
