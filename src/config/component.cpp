#include "config/component.h"

#include "base/error.h"

#include <string>

namespace sslrun::config {

const ComponentSpec* find_spec(Registry registry, std::string_view name) {
  for (const ComponentSpec* spec : registry) {
    if (spec->name == name) return spec;
  }
  return nullptr;
}

NamedComponent make_component(Registry registry, std::string_view name) {
  const ComponentSpec* spec = find_spec(registry, name);
  check_invariant(spec != nullptr, "the registry holds the component " + std::string(name));
  return {std::string(name), spec->make()};
}

}  // namespace sslrun::config
