#pragma once

namespace sslrun::ops {

/// Threads of LibTorch's operations and of ours, from now on; 1 or more. The bits of a result
/// follow this number, so a run that is to be resumed to the bit keeps it.
void use_threads(int n);

}  // namespace sslrun::ops
