#include "dist/gradient_reducer.h"

#include "base/error.h"
#include "dist/world.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mul.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/utils/lambda_post_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <functional>
#include <utility>

namespace sslrun::dist {
namespace {

constexpr std::int64_t kLastBucketBytes = 1 << 20;

using torch::autograd::variable_list;

/// A parameter and its place in a bucket.
struct Member {
  at::Tensor parameter;
  at::Tensor slice = {};  // of the bucket, with the parameter's shape and strides
  std::size_t bucket = 0;
  bool ready = false;
  std::shared_ptr<torch::autograd::Node> accumulator = {};  // the parameter holds it weakly
  std::uintptr_t hook = 0;
};

struct Bucket {
  at::Tensor flat;
  std::size_t members = 0, missing = 0;
  std::function<void()> wait = {};
};

}  // namespace

struct GradientReducer::State {
  State(std::vector<at::Tensor> parameters, World& the_world, const Options& options)
      : world(the_world) {
    members.reserve(parameters.size());
    for (auto p = parameters.rbegin(); p != parameters.rend(); ++p) {
      check_invariant(p->is_leaf() && p->requires_grad() && p->is_non_overlapping_and_dense(),
                      "gradients are reduced of dense leaves");
      members.push_back({.parameter = *p});
    }
    pack(options);
    for (Member& member : members) {
      member.accumulator = torch::autograd::impl::grad_accumulator(member.parameter);
      member.hook = member.accumulator->add_post_hook(
          std::make_unique<torch::autograd::utils::LambdaPostHook>(
              [this, &member](const variable_list& out, const variable_list&) {
                if (expecting) arrive(member);
                return out;
              }));
    }
  }

  ~State() {
    for (const Member& member : members) member.accumulator->del_post_hook(member.hook);
  }

  void pack(const Options& options) {
    const auto element = static_cast<std::int64_t>(at::elementSize(options.type));
    const std::int64_t most = options.bucket_bytes / element, least = kLastBucketBytes / element;
    std::int64_t left = 0;
    for (const Member& member : members) left += member.parameter.numel();
    for (std::size_t begin = 0, end = 0; begin < members.size(); begin = end) {
      const std::int64_t room = std::min(most, std::max(least, left / 2));
      std::int64_t size = 0;
      do size += members[end++].parameter.numel();
      while (end < members.size() && size + members[end].parameter.numel() <= room);
      left -= size;
      const at::TensorOptions like = members[begin].parameter.options();
      Bucket bucket{.flat = at::empty({size}, like.dtype(options.type).requires_grad(false)),
                    .members = end - begin};
      std::int64_t place = 0;
      for (std::size_t i = begin; i < end; ++i) {
        Member& m = members[i];
        m.bucket = buckets.size();
        m.slice = bucket.flat.as_strided(m.parameter.sizes(), m.parameter.strides(), place);
        place += m.parameter.numel();
      }
      buckets.push_back(std::move(bucket));
    }
  }

  void arrive(Member& member) {
    const at::NoGradGuard no_grad;
    check_invariant(!member.ready, "one backward pass follows expect()");
    const at::Tensor& gradient = member.parameter.grad();
    const double share = 1.0 / static_cast<double>(world.size());
    if (!gradient.defined()) {
      member.slice.zero_();
    } else if (gradient.scalar_type() == member.slice.scalar_type()) {
      at::mul_out(member.slice, gradient, share);
    } else {
      member.slice.copy_(gradient * share);
    }
    member.ready = true;
    --buckets[member.bucket].missing;
    while (started < buckets.size() && buckets[started].missing == 0) {
      Bucket& bucket = buckets[started++];
      bucket.wait = world.start_sum(bucket.flat);
    }
  }

  World& world;
  std::vector<Member> members;  // in the order of the buckets
  std::vector<Bucket> buckets;
  bool expecting = false;
  std::size_t started = 0;  // buckets under way
};

GradientReducer::GradientReducer(std::vector<at::Tensor> parameters,
                                 World& world,
                                 const Options& options)
    : state_(std::make_unique<State>(std::move(parameters), world, options)) {}

GradientReducer::~GradientReducer() = default;

void GradientReducer::expect() {
  State& s = *state_;
  s.expecting = true;
  s.started = 0;
  for (Bucket& bucket : s.buckets) bucket.missing = bucket.members;
  for (Member& member : s.members) member.ready = false;
}

void GradientReducer::finish() {
  const at::NoGradGuard no_grad;
  State& s = *state_;
  check_invariant(s.expecting, "finish() follows expect() and a backward pass");
  for (Member& member : s.members)
    if (!member.ready) s.arrive(member);
  s.expecting = false;
  for (Bucket& bucket : s.buckets) bucket.wait();
  for (Member& member : s.members)
    member.parameter.mutable_grad() = member.slice.to(member.parameter.scalar_type());
}

}  // namespace sslrun::dist
