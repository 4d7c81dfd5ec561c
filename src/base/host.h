#pragma once
#include <string>

namespace sslrun {

/// This machine's name as it calls itself, "unknown" where it has none.
std::string host_name();

}  // namespace sslrun
