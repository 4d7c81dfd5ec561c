#include "base/background.h"

#include "base/error.h"
#include "base/file.h"
#include "tests/support/catch.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <future>
#include <string>
#include <vector>

using namespace sslrun;
namespace fs = std::filesystem;

TEST_CASE("background: the caller goes on while a job runs, and waits for it when asked",
          "[base][background]") {
  std::promise<void> gate;
  std::string result;
  Background background;
  CHECK(!background.busy());
  background.start([&] {
    gate.get_future().wait();
    result = "done";
  });
  CHECK(background.busy());
  CHECK(!background.take_failure());
  gate.set_value();
  background.wait();
  CHECK(!background.busy());
  CHECK(result == "done");
  CHECK(!background.take_failure());
}

TEST_CASE("background: a second job starts when the first is over, never beside it",
          "[base][background]") {
  std::atomic<int> running = 0, most = 0;
  std::vector<int> order;  // without a lock: only one job at a time touches it
  {
    Background background;
    for (int i = 0; i < 50; ++i) {
      background.start([&, i] {
        most = std::max<int>(most, ++running);
        order.push_back(i);
        --running;
      });
    }
  }
  CHECK(most == 1);
  REQUIRE(order.size() == 50);
  CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("background: what a job throws is told once and the next one runs",
          "[base][background]") {
  Background background;
  background.start([] { throw StorageError("the disk is full"); });
  background.wait();
  CHECK(background.take_failure() == "the disk is full");
  CHECK(!background.take_failure());
  bool ran = false;
  background.start([&] { ran = true; });
  background.wait();
  CHECK(ran);
  CHECK(!background.take_failure());
}

TEST_CASE("background: bytes handed over between jobs reach the file whole", "[base][background]") {
  const fs::path path =
      fs::temp_directory_path() / ("sslrun-background-test-" + std::to_string(getpid()));
  std::string bytes;  // one buffer, as for checkpoints: filled here, written there
  Background background;
  for (char c = 'a'; c <= 'z'; ++c) {
    background.wait();
    bytes.assign(100'000, c);
    background.start([&] { write_file_atomic(path, bytes); });
  }
  background.wait();
  CHECK(!background.take_failure());
  CHECK(read_file(path) == std::string(100'000, 'z'));
  fs::remove(path);
}
