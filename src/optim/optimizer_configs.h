#pragma once
#include "config/component.h"

namespace sslrun::optim {

/// Every optimizer that a recipe can name, in the order of optimizers.def.
config::Registry optimizer_specs();

}  // namespace sslrun::optim
