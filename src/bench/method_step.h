#pragma once
#include "bench/case.h"

#include <string>
#include <vector>

namespace sslrun::bench {

/// One case for each method that `wish` names, "all" for every one: "step_<method>", a training step
/// as configs/<method>.yaml has it (method, encoder, views, optimizer, batch) on one batch of drawn
/// images, made before; views per second, all views of an image counted.
/// errors    UsageError for a method that there is not.
std::vector<Case> method_cases(const std::string& wish);

}  // namespace sslrun::bench
