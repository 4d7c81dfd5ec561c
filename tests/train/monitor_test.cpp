#include "train/monitor.h"

#include "base/file.h"
#include "tests/data/support.h"
#include "tests/support/torch_catch.h"

#include <nlohmann/json.hpp>

#include <filesystem>

using namespace sslrun;

namespace {

const train::RunPlan kPlan{.total_steps = 30,
                           .steps_per_epoch = 10,
                           .epochs = 3,
                           .images_per_step = 64};

nlohmann::json status_of(const test::TempFolder& folder) {
  return nlohmann::json::parse(read_file(folder.path("status.json")));
}

}  // namespace

TEST_CASE("monitor: status.json says where the run stands", "[train][monitor]") {
  const test::TempFolder folder;
  train::Monitor monitor(folder.path(), kPlan, /*first_step=*/10, /*before_s=*/100);
  monitor.write_status("training");
  CHECK(status_of(folder).at("step") == 10);
  CHECK(status_of(folder).at("epoch") == 1);  // step 10 is the last of the first epoch
  CHECK(status_of(folder).at("loss").is_null());

  monitor.step_done(11, 4.5, 0.1, /*wait_seconds=*/0);
  monitor.checkpoint_saved("step-00000011");
  monitor.write_status("stopped");
  const nlohmann::json status = status_of(folder);
  CHECK(status.at("state") == "stopped");
  CHECK(status.at("step") == 11);
  CHECK(status.at("total_steps") == 30);
  CHECK(status.at("epoch") == 2);
  CHECK(status.at("loss") == 4.5);
  CHECK(status.at("last_checkpoint") == "step-00000011");
  CHECK(!status.contains("reason"));
  CHECK(monitor.images_per_s() > 0);
  CHECK(monitor.data_wait() == 0);
  CHECK(monitor.time_s() >= 100);
}

TEST_CASE("monitor: only a run that says so is done", "[train][monitor]") {
  const test::TempFolder folder;
  CHECK(!train::says_done(folder.path()));
  for (const char* text : {"", "{", "[]", "{\"state\": \"training\"}"}) {
    folder.write("status.json", text);
    CHECK(!train::says_done(folder.path()));
  }
  train::Monitor(folder.path(), kPlan, 30, 0).write_status("done");
  CHECK(train::says_done(folder.path()));
}

TEST_CASE(
    "monitor: a failure is written with its reason, and one that cannot be written hides nothing",
    "[train][monitor]") {
  const test::TempFolder folder;
  train::Monitor monitor(folder.path(), kPlan, 0, 0);
  monitor.write_failure("the disk is full");
  CHECK(status_of(folder).at("state") == "failed");
  CHECK(status_of(folder).at("reason") == "the disk is full");
  std::filesystem::remove_all(folder.path());
  CHECK_NOTHROW(monitor.write_failure("again"));
}

TEST_CASE("monitor: paused time is no training time", "[train][monitor]") {
  const test::TempFolder folder;
  train::Monitor monitor(folder.path(), kPlan, 0, 0);
  {
    const train::Monitor::Pause pause(monitor);
    const Stopwatch watch;
    while (watch.seconds() < 0.02) {
    }
  }
  CHECK(monitor.goodput() < 1);
  CHECK(monitor.goodput() >= 0);
}
