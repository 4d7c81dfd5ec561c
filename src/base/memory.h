#pragma once
#include <cstdint>

namespace sslrun {

/// Bytes that this process may still take without swapping: what the system calls available, or what
/// the memory limit of its control group (a container's) leaves, whichever is less. 0: not known.
std::int64_t free_memory();

/// From now on blocks of up to 256 MiB that are freed stay with this process (glibc; elsewhere nothing
/// changes). A training step on processors takes and frees the same memory each time: to hand it back
/// to the system in between costs page faults, an eighth to a quarter of a small ResNet's step.
void keep_freed_memory();

}  // namespace sslrun
