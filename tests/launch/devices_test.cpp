#include "launch/devices.h"

#include "base/error.h"
#include "tests/support/catch.h"

namespace {

using namespace sslrun;
using launch::device_of_rank;
using launch::devices_of;
using Names = std::vector<std::string>;

launch::Environment local(std::int64_t rank, std::int64_t size) {
  launch::Environment place;
  place.source = "torchrun";
  place.host = "here";
  place.local_rank = rank;
  place.local_size = size;
  return place;
}

}  // namespace

TEST_CASE("devices: every text names its processes", "[launch]") {
  CHECK(devices_of("auto", 0) == Names{"cpu"});
  CHECK(devices_of("auto", 2) == Names{"cuda:0", "cuda:1"});
  CHECK(devices_of("cpu", 2) == Names{"cpu"});
  CHECK(devices_of("cpu:3", 2) == Names{"cpu", "cpu", "cpu"});
  CHECK(devices_of("cuda", 2) == Names{"cuda:0", "cuda:1"});
  CHECK(devices_of("cuda", 0) == Names{"cuda:0"});  // which cannot be opened, and why is said then
  CHECK(devices_of("cuda:2,0", 4) == Names{"cuda:2", "cuda:0"});
  const std::string bad = GENERATE("",
                                   "gpu",
                                   "cpu:",
                                   "cpu:0",
                                   "cpu:-1",
                                   "cpu:2,3",
                                   "cpu:x",
                                   "cpu:5000",
                                   "cuda:",
                                   "cuda:0,",
                                   "cuda:0,0",
                                   "cuda:1;2",
                                   "cuda:-1",
                                   "auto:2");
  CAPTURE(bad);
  CHECK_THROWS_WITH(
      devices_of(bad, 4),
      "--devices must be auto, cpu, cpu:N (N processes), cuda or cuda:N,M (a process per GPU), "
      "got '" +
          bad + "'");
}

TEST_CASE("devices: a rank takes the one of its number, or the only one it sees", "[launch]") {
  CHECK(device_of_rank("auto", 4, local(2, 4)) == "cuda:2");
  CHECK(device_of_rank("auto", 4, local(1, 2)) == "cuda:1");
  CHECK(device_of_rank("auto", 1, local(3, 4)) == "cuda:0");  // bound, one per task
  CHECK(device_of_rank("auto", 0, local(3, 4)) == "cpu");
  CHECK(device_of_rank("cpu", 4, local(3, 4)) == "cpu");
  CHECK(device_of_rank("cpu:4", 0, local(3, 4)) == "cpu");
  CHECK(device_of_rank("cuda:3,1", 4, local(1, 2)) == "cuda:1");
  CHECK_THROWS_WITH(device_of_rank("auto", 2, local(3, 4)),
                    "torchrun has started 4 processes on 'here', and --devices auto names 2 "
                    "devices there; start as "
                    "many processes as devices (srun: --ntasks-per-node with --gpus-per-node), or "
                    "give --devices cpu");
  CHECK_THROWS_AS(device_of_rank("cuda:0,1,2", 4, local(1, 2)), UsageError);
  CHECK_THROWS_AS(device_of_rank("cpu:4", 0, local(1, 2)), UsageError);
}
