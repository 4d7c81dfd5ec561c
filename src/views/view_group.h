#pragma once
#include "config/component.h"

#include <cstdint>
#include <string>
#include <vector>

namespace sslrun::views {

/// Views that are made alike: one entry of a recipe's augmentations. ops: names and configs of
/// view_specs().
struct ViewGroup {
  std::int64_t views = 2;
  std::vector<config::NamedComponent> ops;
};

/// What is wrong with a group's list of operations, or "" if nothing: it must begin with
/// a crop (CropOp) and end with normalize, each of them once, a TaskOp right before that.
std::string ops_problem(const std::vector<config::NamedComponent>& ops);

/// What sets the method a task (TaskOp) in a group: its name and how many classes there are, or ""
/// and 0.
struct Task {
  std::string name;
  std::int64_t classes = 0;
};

Task task_of(const std::vector<config::NamedComponent>& ops);

/// Side of the square pictures that they hand to the encoder: of the crop, or of what the task cuts
/// out of it. ops: a list that ops_problem accepts.
std::int64_t picture_side(const std::vector<config::NamedComponent>& ops);

/// What is wrong with an operation on images of so many channels, beginning with its name, or "".
std::string channels_problem(const config::NamedComponent& op, std::int64_t channels);

}  // namespace sslrun::views
