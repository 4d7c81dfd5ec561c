#include "views/pipeline.h"

#include "base/error.h"

#include <fmt/core.h>

#include <algorithm>

namespace sslrun::views {

namespace {

constexpr int kConfigExit = 3;
constexpr const char* kFirst = "random_resized_crop, random_crop, center_crop or resize";
constexpr const char* kLast = "normalize";

}  // namespace

std::string ops_problem(const std::vector<config::NamedComponent>& ops) {
  if (ops.empty())
    return fmt::format("must begin with {} and end with {}, got no operation", kFirst, kLast);
  const auto as_task = [](const config::NamedComponent& op) {
    return dynamic_cast<const TaskOp*>(op.config.get());
  };
  const auto is_crop = [](const config::NamedComponent& op) {
    return dynamic_cast<const CropOp*>(op.config.get()) != nullptr;
  };
  if (!is_crop(ops.front()))
    return fmt::format("must begin with {}, got {}", kFirst, ops.front().name);
  if (ops.back().name != kLast)
    return fmt::format("must end with {}, got {}", kLast, ops.back().name);
  for (std::size_t i = 1; i + 1 < ops.size(); ++i) {
    if (is_crop(ops[i]) || ops[i].name == kLast) {
      return fmt::format(
          "must begin with its only crop and end with its only {}, got {} at place {}",
          kLast,
          ops[i].name,
          i);
    }
    const TaskOp* task = as_task(ops[i]);
    if (task && i + 2 != ops.size())
      return fmt::format(
          "must have {} right before {}: what changes the view after it mixes up its classes; got "
          "it at place {}",
          ops[i].name,
          kLast,
          i);
    const std::int64_t side = dynamic_cast<const CropOp&>(*ops.front().config).side();
    if (const std::string problem = task ? task->side_problem(side) : ""; !problem.empty())
      return problem;
  }
  return "";
}

Task task_of(const std::vector<config::NamedComponent>& ops) {
  for (const config::NamedComponent& op : ops)
    if (const auto* task = dynamic_cast<const TaskOp*>(op.config.get()))
      return {op.name, task->classes()};
  return {};
}

std::int64_t picture_side(const std::vector<config::NamedComponent>& ops) {
  std::int64_t side = dynamic_cast<const CropOp&>(*ops.front().config).side();
  for (const config::NamedComponent& op : ops)
    if (const auto* task = dynamic_cast<const TaskOp*>(op.config.get()))
      side = task->form({side, side, 1}).shape.height;
  return side;
}

std::string channels_problem(const config::NamedComponent& op, std::int64_t channels) {
  const auto* view_op = dynamic_cast<const ViewOp*>(op.config.get());
  const std::string problem = view_op ? view_op->channels_problem(channels) : "";
  return problem.empty() ? "" : fmt::format("{} {}", op.name, problem);
}

Pipeline::Pipeline(const std::vector<ViewGroup>& groups, std::uint32_t seed, std::int64_t channels)
    : seed_(seed) {
  for (std::size_t g = 0; g < groups.size(); ++g) {
    std::string problem = ops_problem(groups[g].ops);
    for (const config::NamedComponent& op : groups[g].ops)
      if (problem.empty()) problem = channels_problem(op, channels);
    if (!problem.empty())
      throw Error(kConfigExit, fmt::format("augmentations[{}].ops: {}", g, problem));
    auto plan = std::make_shared<Plan>();
    for (const config::NamedComponent& op : groups[g].ops) {
      plan->ops.push_back(std::dynamic_pointer_cast<const ViewOp>(op.config));
      check_invariant(plan->ops.back() != nullptr, "every operation of a view group is a ViewOp");
    }
    plan->crop = std::dynamic_pointer_cast<const CropOp>(plan->ops.front());
    plan->form.shape = {plan->crop->side(), plan->crop->side(), channels};
    for (const auto& op : plan->ops) {
      if (const auto* task = dynamic_cast<const TaskOp*>(op.get()))
        plan->form = task->form(plan->form.shape);
    }
    plan->stats = dynamic_cast<const Normalize&>(*plan->ops.back()).stats();
    views_.insert(views_.end(), static_cast<std::size_t>(groups[g].views), plan);
  }
  if (views_.empty())
    throw Error(kConfigExit, "augmentations: must make at least one view, got none");
  cpu_only_ = find_cpu_only(groups);
}

std::string Pipeline::find_cpu_only(const std::vector<ViewGroup>& groups) const {
  std::int64_t view = 0;
  for (const ViewGroup& group : groups) {
    Rng rng = rng_of(0, 0, view);
    ViewPlan drawn{.shape = shape(view), .image_height = 1, .image_width = 1};
    for (const config::NamedComponent& op : group.ops)
      if (!dynamic_cast<const ViewOp&>(*op.config).plan(rng, drawn)) return op.name;
    view += group.views;
  }
  return "";
}

ViewPlan Pipeline::plan_view(std::int64_t height,
                             std::int64_t width,
                             std::int64_t epoch,
                             std::int64_t sample,
                             std::int64_t view) const {
  Rng rng = rng_of(epoch, sample, view);
  ViewPlan drawn{.shape = shape(view), .image_height = height, .image_width = width};
  for (const auto& op : plan(view).ops) {
    const bool planned = op->plan(rng, drawn);
    check_invariant(planned, "every operation has a form for the batched kernels");
  }
  return drawn;
}

Rng Pipeline::rng_of(std::int64_t epoch, std::int64_t sample, std::int64_t view) const {
  return {seed_,
          Purpose::kView,
          static_cast<std::uint32_t>(epoch),
          static_cast<std::uint32_t>(sample),
          static_cast<std::uint32_t>(view)};
}

image::Box Pipeline::wanted(std::int64_t height,
                            std::int64_t width,
                            std::int64_t epoch,
                            std::int64_t sample) const {
  std::int64_t top = height, left = width, bottom = 0, right = 0;
  for (std::int64_t view = 0; view < num_views(); ++view) {
    Rng rng = rng_of(epoch, sample, view);
    const image::Box box = plan(view).crop->part(rng, height, width);
    top = std::min(top, box.top);
    left = std::min(left, box.left);
    bottom = std::max(bottom, box.top + box.height);
    right = std::max(right, box.left + box.width);
  }
  return {top, left, bottom - top, right - left};
}

void Pipeline::run(const image::Image& image,
                   std::int64_t epoch,
                   std::int64_t sample,
                   std::int64_t view,
                   float* out_HWC,
                   std::int64_t* targets) const {
  check_invariant(image.channels == shape(view).channels && image.width > 0 && image.height > 0,
                  "an image to view has the pipeline's channels and is not empty");
  thread_local CanvasMemory memory;
  const Plan& p = plan(view);
  Rng rng = rng_of(epoch, sample, view);
  const std::int64_t side = p.crop->side();
  Canvas canvas(image, {side, side, image.channels}, out_HWC, memory, targets);
  for (const auto& op : p.ops) op->apply(rng, canvas);
}

}  // namespace sslrun::views
