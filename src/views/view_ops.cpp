#include "views/view_ops.h"

namespace sslrun::views {

#define VIEW(name) const config::ComponentSpec& view_spec_##name();
#include "views/views.def"
#undef VIEW

config::Registry view_specs() {
#define VIEW(name) &view_spec_##name(),
  static const config::ComponentSpec* const specs[] = {
#include "views/views.def"
  };
#undef VIEW
  return specs;
}

}  // namespace sslrun::views
