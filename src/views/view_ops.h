// The operations that a recipe may name under augmentations[].ops, in the order of views.def.
#pragma once
#include "config/component.h"

namespace sslrun::views {

/// Each spec's make() gives a ViewOp.
config::Registry view_specs();

}  // namespace sslrun::views
