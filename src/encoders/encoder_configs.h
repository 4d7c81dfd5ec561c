#pragma once
#include "config/component.h"

namespace sslrun::encoders {

/// Every encoder that a recipe can name; the families of encoders.def list their sizes.
config::Registry encoder_specs();

}  // namespace sslrun::encoders
