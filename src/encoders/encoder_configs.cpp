#include "encoders/encoder_configs.h"

#include <vector>

namespace sslrun::encoders {

#define ENCODER(name) config::Registry encoder_specs_##name();
#include "encoders/encoders.def"
#undef ENCODER

config::Registry encoder_specs() {
  static const std::vector<const config::ComponentSpec*> specs = [] {
    std::vector<const config::ComponentSpec*> all;
    for (const config::Registry family : {
#define ENCODER(name) encoder_specs_##name(),
#include "encoders/encoders.def"
#undef ENCODER
         }) {
      all.insert(all.end(), family.begin(), family.end());
    }
    return all;
  }();
  return specs;
}

}  // namespace sslrun::encoders
