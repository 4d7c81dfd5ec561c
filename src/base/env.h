#pragma once
#include <optional>
#include <string>

namespace sslrun {

/// The environment variable `name`; nothing where it is unset. The only reader of the environment.
std::optional<std::string> env(const char* name);

}  // namespace sslrun
