#include "methods/rotnet_config.h"

namespace sslrun::methods {

const config::ComponentSpec& method_spec_rotnet() {
  static const config::ComponentSpec spec{
      "rotnet",
      "tells by how many right angles an image was turned",
      "Gidaris et al. 2018, arXiv:1803.07728",
      +[]() -> std::unique_ptr<config::Component> { return std::make_unique<RotNetConfig>(); }};
  return spec;
}

}  // namespace sslrun::methods
