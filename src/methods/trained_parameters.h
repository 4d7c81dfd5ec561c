#pragma once
#include "methods/method.h"
#include "optim/optimizer.h"

#include <cstdint>
#include <vector>

namespace sslrun::methods {

/// The method's parameters as an optimizer takes them, each with its rule. A list taken after the
/// method was moved to its device.
std::vector<optim::Trained> trained_parameters(const Method& method, std::int64_t steps_per_epoch);

}  // namespace sslrun::methods
