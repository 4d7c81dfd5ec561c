#include "train/saver.h"

#include "base/error.h"
#include "base/file.h"
#include "tests/data/support.h"
#include "tests/support/torch_catch.h"

#include <ATen/ops/full.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <limits>
#include <optional>
#include <string>

using namespace sslrun;
namespace fs = std::filesystem;

namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

checkpoint::Snapshot snapshot(at::Tensor w) {
  return {.model = {{"w", std::move(w)}}, .optimizer = {}, .state = "{}"};
}

double saved_weight(const fs::path& run) {
  const auto loaded = checkpoint::CheckpointStore(run, 2).load_latest();
  return loaded ? loaded->snapshot.model.at(0).second.const_data_ptr<float>()[0] : -1;
}

/// A writer that waits at the start of its work until it is let go.
struct Gate {
  std::promise<void> open;
  std::shared_future<void> opened = open.get_future().share();
};

}  // namespace

TEST_CASE("saver: a snapshot holds the state of its step while training changes the weights",
          "[train][saver]") {
  const test::TempFolder run;
  Gate gate;
  train::Saver saver({run.path(), 2}, {10, kNever}, {}, [&] { gate.opened.wait(); });
  const at::Tensor w = at::full({1000}, 10.0);
  saver.start(10, snapshot(w), 1);
  w.fill_(11.0);
  CHECK(saver.newest().empty());
  gate.open.set_value();
  saver.finish(10, snapshot(w), 2);  // already on its way: not written a second time
  CHECK(saver.newest() == "step-00000010");
  CHECK(saved_weight(run.path()) == 10);
}

TEST_CASE("saver: what falls due while one is being written is taken when that is done",
          "[train][saver]") {
  const test::TempFolder run;
  Gate gate;
  train::Saver saver({run.path(), 2}, {10, kNever}, {}, [&] { gate.opened.wait(); });
  CHECK(!saver.due(9, 1));
  REQUIRE(saver.due(10, 1));
  saver.start(10, snapshot(at::full({1}, 10.0)), 1);
  CHECK(!saver.due(19, 2));
  CHECK(!saver.due(20, 2));
  CHECK(!saver.due(21, 2));
  gate.open.set_value();
  while (!saver.due(22, 2)) {
  }
  CHECK(saver.newest() == "step-00000010");
  saver.start(22, snapshot(at::full({1}, 22.0)), 2);
  saver.finish(22, snapshot(at::full({1}, 22.0)), 2);
  CHECK(saved_weight(run.path()) == 22);
}

TEST_CASE("saver: a checkpoint is due after the steps or the seconds, whichever comes first",
          "[train][saver]") {
  const test::TempFolder run;
  train::Saver saver({run.path(), 2}, {10, 60}, {"", /*now_s=*/100}, [] {});
  CHECK(!saver.due(1, 159));
  CHECK(saver.due(1, 160));
  saver.start(1, snapshot(at::full({1}, 1.0)), 160);
  saver.finish(2, snapshot(at::full({1}, 2.0)), 161);
  CHECK(!saver.due(3, 220));
  CHECK(saver.due(3, 221));
  CHECK(saver.due(10, 161));
}

TEST_CASE(
    "saver: a refused write is told once, tried again after a minute, and costs no checkpoint",
    "[train][saver]") {
  const test::TempFolder run;
  bool full = false;
  train::Saver saver({run.path(), 2}, {1000, kNever}, {}, [&] {
    if (full) throw StorageError("the disk is full");
  });
  const auto write = [&](std::int64_t step, double now_s) {
    saver.start(step, snapshot(at::full({1}, static_cast<double>(step))), now_s);
  };
  write(1, 0);
  saver.finish(1, snapshot(at::full({1}, 1.0)), 0);
  full = true;
  write(2, 10);
  std::optional<std::string> trouble;
  while (!(trouble = saver.take_trouble())) CHECK(!saver.due(3, 11));
  CHECK(*trouble == "the disk is full");
  CHECK(!saver.due(3, 70));
  CHECK(saver.due(3, 71));
  write(3, 80);
  while (!saver.due(1000, 81)) {
  }
  CHECK(!saver.take_trouble());  // the same trouble
  CHECK(saver.newest() == "step-00000001");
  CHECK(saved_weight(run.path()) == 1);
  full = false;
  write(4, 150);
  saver.finish(4, snapshot(at::full({1}, 4.0)), 150);
  CHECK(saver.newest() == "step-00000004");
  CHECK(saved_weight(run.path()) == 4);
}

TEST_CASE("saver: a last save that cannot be made says what stands and what to do",
          "[train][saver]") {
  const test::TempFolder run;
  int tries = 0;
  train::Saver saver({run.path(), 2}, {1000, kNever}, {"step-00000007", 0}, [&] {
    ++tries;
    throw StorageError("cannot write 'x': No space left on device; free some space there");
  });
  try {
    saver.finish(9, snapshot(at::full({1}, 9.0)), 1);
    FAIL("a save that was refused must throw");
  } catch (const StorageError& e) {
    CHECK_THAT(e.what(),
               Catch::Contains("step 9 could not be saved") &&
                   Catch::Contains("step-00000007 is the newest checkpoint") &&
                   Catch::Contains("free some space") &&
                   Catch::Contains("give the same command again"));
  }
  CHECK(tries == 3);
}

TEST_CASE("saver: memory that cannot hold gradients and a copy of the state is told beforehand",
          "[train][saver]") {
  CHECK(!train::low_memory_verdict(1'000'000'000, 2'000'000'000));
  CHECK(!train::low_memory_verdict(1'000'000'000, 0));  // not known
  const auto verdict = train::low_memory_verdict(1'500'000'000, 2'000'000'000);
  REQUIRE(verdict);
  CHECK_THAT(*verdict,
             Catch::Contains("hold 3.0 GB more") && Catch::Contains("2.0 GB are free") &&
                 Catch::Contains("--mem"));
}
