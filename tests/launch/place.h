// Where a rank of a test's job stands: all on this machine.
#pragma once
#include "launch/environment.h"

#include <string>

namespace sslrun::test {

inline launch::Environment rank_of(std::int64_t rank, std::int64_t size, const std::string& job) {
  launch::Environment place;
  place.rank = place.local_rank = rank;
  place.size = place.local_size = size;
  place.host = "host" + std::to_string(rank);
  place.master = "127.0.0.1";
  place.job = job;
  return place;
}

}  // namespace sslrun::test
