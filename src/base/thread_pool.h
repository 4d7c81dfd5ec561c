#pragma once
#include <cstdint>
#include <functional>

namespace sslrun {

/// Threads that parallel_for uses, the caller included: the processors of this process unless set.
int compute_threads();

/// n >= 1. Not while a parallel_for runs.
void set_compute_threads(int n);

/// Calls body(begin, end) on contiguous ranges that cover [0, n), from several threads; returns
/// when all are done. Ranges hold at least `grain` items. A call from inside a body runs inline.
/// The first exception of a body is rethrown. What a body writes for item i must depend on i alone:
/// the split follows the number of threads.
void parallel_for(std::int64_t n,
                  const std::function<void(std::int64_t, std::int64_t)>& body,
                  std::int64_t grain = 1);

}  // namespace sslrun
