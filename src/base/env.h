#pragma once
#include <optional>
#include <string>

namespace sslrun {

/// The environment variable `name`; nothing where it is unset. The only reader of the environment.
std::optional<std::string> env(const char* name);

/// Gives the environment variable `name` a value where it has none. Before there are threads.
void set_env_default(const char* name, const char* value);

}  // namespace sslrun
