#pragma once
#include "config/component.h"

#include <cstdint>
#include <string>

namespace sslrun::encoders {

/// The keys of an encoder: what every ENCODER of encoders.def makes.
struct EncoderConfig : config::Component {
  /// Side in pixels of the patches that a vision transformer cuts images into; 0: no such encoder.
  virtual std::int64_t patch_size() const { return 0; }

  /// What is wrong with views of `side` pixels, or "".
  virtual std::string view_problem(std::int64_t /*side*/) const { return ""; }

  /// Whether a token without a patch goes through a vision transformer.
  virtual bool has_class_token() const { return false; }
};

}  // namespace sslrun::encoders
