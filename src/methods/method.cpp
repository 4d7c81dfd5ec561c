#include "methods/method.h"

#include "base/error.h"
#include "config/component.h"

namespace sslrun::methods {

#define METHOD(name) \
  std::unique_ptr<Method> make_method_##name(const config::Component&, const MethodDeps&);
#include "methods/methods.def"
#undef METHOD

std::unique_ptr<Method> make_method(const config::NamedComponent& component,
                                    const MethodDeps& deps) {
  check_invariant(component.config != nullptr, "a recipe's method has its configuration");
#define METHOD(id) \
  if (component.name == #id) return make_method_##id(*component.config, deps);
#include "methods/methods.def"
#undef METHOD
  throw UsageError("method '" + component.name +
                   "' must be one that this sslrun can run; see sslrun list methods");
}

}  // namespace sslrun::methods
