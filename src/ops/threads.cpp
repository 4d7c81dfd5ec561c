#include "ops/threads.h"

#include "base/thread_pool.h"

#include <ATen/Parallel.h>

namespace sslrun::ops {

void use_threads(int n) {
  set_compute_threads(n);
  at::set_num_threads(n);
}

}  // namespace sslrun::ops
