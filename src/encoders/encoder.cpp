#include "encoders/encoder.h"

#include "base/error.h"
#include "config/component.h"

namespace sslrun::encoders {

#define ENCODER(name)                           \
  std::unique_ptr<Encoder> make_encoder_##name( \
      const config::Component& component, std::uint32_t seed, std::int64_t channels);
#include "encoders/encoders.def"
#undef ENCODER

std::unique_ptr<Encoder> make_encoder(const config::NamedComponent& component,
                                      std::uint32_t seed,
                                      std::int64_t channels) {
  check_invariant(component.config != nullptr, "a recipe's encoder has its configuration");
  // Each family answers null for a configuration that is not its own.
#define ENCODER(name) \
  if (auto encoder = make_encoder_##name(*component.config, seed, channels)) return encoder;
#include "encoders/encoders.def"
#undef ENCODER
  throw UsageError("encoder '" + component.name + "' must be one that this sslrun can build");
}

}  // namespace sslrun::encoders
