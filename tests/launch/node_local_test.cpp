#include "launch/node_local.h"

#include "tests/support/catch.h"

TEST_CASE("node local: /tmp and memory are, whether or not the folder exists", "[launch]") {
  using sslrun::launch::is_node_local;
  CHECK(is_node_local("/tmp/runs/a"));
  CHECK(is_node_local("/tmp"));
  CHECK(is_node_local("/home/../tmp/a"));
  CHECK(is_node_local("/dev/shm/not/there"));
  CHECK_FALSE(is_node_local("/usr/share/not/there"));
  CHECK_FALSE(is_node_local("/usr/tmp-like"));
}
