#include "methods/method_configs.h"

namespace sslrun::methods {

#define METHOD(name) const config::ComponentSpec& method_spec_##name();
#include "methods/methods.def"
#undef METHOD

config::Registry method_specs() {
#define METHOD(name) &method_spec_##name(),
  static const config::ComponentSpec* const specs[] = {
#include "methods/methods.def"
  };
#undef METHOD
  return specs;
}

}  // namespace sslrun::methods
