#pragma once
#include <string>

namespace sslrun {

/// Processors that this process may run on (its affinity mask), at least 1.
int cpu_count();

/// The processor's name as it reports it, or "unknown".
std::string cpu_name();

/// Whether bfloat16 products run in hardware here (AVX-512 BF16 or AMX): what `precision: auto`
/// asks.
bool cpu_has_bf16();

}  // namespace sslrun
