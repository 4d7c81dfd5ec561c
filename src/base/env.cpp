#include "base/env.h"

#include <cstdlib>

namespace sslrun {

std::optional<std::string> env(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

void set_env_default(const char* name, const char* value) {
  ::setenv(name, value, /*overwrite=*/0);
}

}  // namespace sslrun
