#pragma once
#include <cstdint>

namespace sslrun {

/// Bytes that this process may still take without swapping: what the system calls available, or what
/// the memory limit of its control group (a container's) leaves, whichever is less. 0: not known.
std::int64_t free_memory();

}  // namespace sslrun
