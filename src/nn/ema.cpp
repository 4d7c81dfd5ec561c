#include "nn/ema.h"

#include "base/error.h"
#include "nn/drop_path.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_foreach_sub.h>
#include <ATen/ops/stack.h>

namespace sslrun::nn {
namespace {

std::vector<at::Tensor> weights_of(const Module& module) {
  std::vector<at::Tensor> out;
  for (const auto& [name, tensor] : module.named_weights()) out.push_back(tensor);
  return out;
}

}  // namespace

void start_following(Module& follower, const Module& leader) {
  load_state(follower, leader.named_state());
  follower.freeze();
  follower.for_each([](Module& part) {
    if (auto* const drop_path = dynamic_cast<DropPath*>(&part)) drop_path->disable();
  });
}

void Following::add(const Module& follower, const Module& leader) {
  const std::vector<at::Tensor> targets = weights_of(follower), sources = weights_of(leader);
  check_invariant(targets.size() == sources.size(), "a follower has its leader's parameters");
  leaders.insert(leaders.end(), sources.begin(), sources.end());
  followers.insert(followers.end(), targets.begin(), targets.end());
}

void follow(const Following& following) {
  if (following.followers.empty()) return;
  const at::NoGradGuard no_grad;
  at::_foreach_mul_(following.followers, following.tau);
  at::_foreach_add_(following.followers, following.leaders, 1 - following.tau);
}

at::Tensor ema_distance(const Module& follower, const Module& leader) {
  const at::NoGradGuard no_grad;
  const std::vector<at::Tensor> sources = weights_of(leader);
  const std::vector<at::Tensor> apart = at::_foreach_sub(weights_of(follower), sources);
  return at::stack(at::_foreach_norm(apart, 2)).norm() /
         at::stack(at::_foreach_norm(sources, 2)).norm();
}

}  // namespace sslrun::nn
