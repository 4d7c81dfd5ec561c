#pragma once
#include "config/component.h"

#include <cstdint>

namespace sslrun::encoders {

/// The keys of an encoder: what every ENCODER of encoders.def makes.
struct EncoderConfig : config::Component {
  /// Side in pixels of the patches that a vision transformer cuts images into; 0: no such encoder.
  virtual std::int64_t patch_size() const { return 0; }

  /// Whether a token without a patch goes through a vision transformer.
  virtual bool has_class_token() const { return false; }
};

}  // namespace sslrun::encoders
