#pragma once
#include "config/component.h"

namespace sslrun::methods {

/// Every method that a recipe can name, in the order of methods.def.
config::Registry method_specs();

}  // namespace sslrun::methods
