#pragma once
#include <cstdint>

namespace sslrun::dist {

struct Place {
  std::int64_t rank = 0, size = 1;
};

}  // namespace sslrun::dist
