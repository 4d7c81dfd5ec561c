#include "methods/dino_config.h"

namespace sslrun::methods {

const config::ComponentSpec& method_spec_dino() {
  static const config::ComponentSpec spec{
      "dino",
      "a student tells of each view what a teacher, its moving average, makes of another",
      "Caron et al. 2021, arXiv:2104.14294",
      +[]() -> std::unique_ptr<config::Component> { return std::make_unique<DinoConfig>(); }};
  return spec;
}

}  // namespace sslrun::methods
