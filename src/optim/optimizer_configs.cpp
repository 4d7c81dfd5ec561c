#include "optim/optimizer_configs.h"

namespace sslrun::optim {

#define OPTIMIZER(name) const config::ComponentSpec& optimizer_spec_##name();
#include "optim/optimizers.def"
#undef OPTIMIZER

config::Registry optimizer_specs() {
#define OPTIMIZER(name) &optimizer_spec_##name(),
  static const config::ComponentSpec* const specs[] = {
#include "optim/optimizers.def"
  };
#undef OPTIMIZER
  return specs;
}

}  // namespace sslrun::optim
