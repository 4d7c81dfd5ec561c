// A save that meets every fault of storage at every one of its calls.
#include "base/error.h"
#include "checkpoint/store.h"
#include "tests/checkpoint/names.h"
#include "tests/support/fault_shim.h"
#include "tests/support/torch_catch.h"

#include <ATen/ops/full.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>

namespace {

using namespace sslrun;
namespace fs = std::filesystem;

/// In memory where that can be: a case of this file syncs thousands of files.
fs::path test_folder() {
  const fs::path memory = "/dev/shm";
  return (access(memory.c_str(), W_OK) == 0 ? memory : fs::temp_directory_path()) /
         ("sslrun-faults-test-" + std::to_string(getpid()));
}

checkpoint::Snapshot snapshot(int value) {
  return {.model = {{"w", at::full({64}, value)}},
          .optimizer = {{"m", at::full({64}, 2 * value)}},
          .state = "{\"value\":" + std::to_string(value) + "}"};
}

/// What a save does: to a folder with `before` checkpoints, writes one more, in place of the last
/// one or after it.
struct Save {
  int before;
  bool replaces;

  int step() const { return replaces ? before : before + 1; }
};

struct Run {
  fs::path path = test_folder();
  checkpoint::CheckpointStore store{path, 2};

  explicit Run(const Save& save) {
    fs::remove_all(path);
    fs::create_directories(path);
    for (int step = 1; step <= save.before; ++step) store.save(step, snapshot(step));
  }

  ~Run() { fs::remove_all(path); }

  std::set<std::string> names() const { return test::checkpoint_names(path); }
};

constexpr int kNew = 1000;  // the value that the disturbed save writes

/// The value of the newest checkpoint, whole; 0: there is none.
int newest_value(const checkpoint::CheckpointStore& store) {
  const auto loaded = store.load_latest();
  if (!loaded) return 0;
  const auto value =
      static_cast<int>(loaded->snapshot.model.at(0).second.const_data_ptr<std::int64_t>()[0]);
  CHECK(loaded->snapshot.optimizer.at(0).second.equal(at::full({64}, 2 * value)));
  CHECK(loaded->snapshot.state == "{\"value\":" + std::to_string(value) + "}");
  return value;
}

/// After the fault: the old checkpoint or the new one, and a later save finds nothing in its way.
void check_after(const Run& run, const Save& save, std::optional<bool> saved) {
  const int value = newest_value(run.store);
  if (saved == true) CHECK(value == kNew);
  CHECK((value == kNew || value == save.before));
  run.store.save(save.step() + 1, snapshot(7));
  CHECK(newest_value(run.store) == 7);
  run.store.save(save.step() + 2, snapshot(8));
  CHECK((run.names() == std::set<std::string>{checkpoint::name_of(save.step() + 1),
                                              checkpoint::name_of(save.step() + 2),
                                              "latest"}));
}

long calls_of(const Save& save) {
  const Run run(save);
  fault_arm("/checkpoints", 1, 0, EIO);
  run.store.save(save.step(), snapshot(kNew));
  return fault_disarm();
}

}  // namespace

TEST_CASE(
    "faults: a save that is refused any one of its calls leaves the old or the new checkpoint",
    "[checkpoint][faults]") {
  const Save save = GENERATE(Save{0, false}, Save{2, false}, Save{2, true});
  const int kind = GENERATE(ENOSPC, EIO, EROFS, ESTALE, EDQUOT, static_cast<int>(kFaultShort));
  CAPTURE(save.before, save.replaces, kind);
  const long calls = calls_of(save);
  CHECK(calls > 20);
  for (long n = 1; n <= calls; ++n) {
    CAPTURE(n);
    const Run run(save);
    bool saved = true;
    fault_arm("/checkpoints", n, 1, kind);
    try {
      run.store.save(save.step(), snapshot(kNew));
    } catch (const StorageError&) {
      saved = false;
    }
    fault_disarm();
    if (kind == kFaultShort) REQUIRE(saved);
    check_after(run, save, saved);
  }
}

TEST_CASE("faults: storage that refuses everything from any call on costs no checkpoint",
          "[checkpoint][faults]") {
  const Save save{2, false};
  const long calls = calls_of(save);
  for (long n = 1; n <= calls; ++n) {
    CAPTURE(n);
    const Run run(save);
    bool saved = true;
    fault_arm("/checkpoints", n, -1, EROFS);
    try {
      run.store.save(save.step(), snapshot(kNew));
    } catch (const StorageError& e) {
      saved = false;
      CHECK_THAT(e.what(), Catch::Contains("make the file system writable again"));
    }
    fault_disarm();
    check_after(run, save, saved);
  }
}

TEST_CASE("faults: a process killed at any call of a save leaves the old or the new checkpoint",
          "[checkpoint][faults]") {
  const Save save = GENERATE(Save{0, false}, Save{2, false}, Save{2, true}, Save{1, true});
  const int kind = GENERATE(static_cast<int>(kFaultKill), static_cast<int>(kFaultPowerCut));
  CAPTURE(save.before, save.replaces, kind);
  const long calls = calls_of(save);
  for (long n = 1; n <= calls; ++n) {
    CAPTURE(n);
    const Run run(save);
    const pid_t child = fork();
    if (child == 0) {
      fault_arm("/checkpoints", n, 1, kind);
      run.store.save(save.step(), snapshot(kNew));
      _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
    check_after(run, save, std::nullopt);
  }
}
