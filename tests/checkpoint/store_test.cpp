#include "checkpoint/store.h"

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/manifest.h"
#include "tests/checkpoint/names.h"
#include "tests/support/torch_catch.h"

#include <ATen/ops/full.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

namespace {

using namespace sslrun;
namespace fs = std::filesystem;

/// A run folder that is gone afterwards.
struct Run {
  fs::path path = fs::temp_directory_path() / ("sslrun-store-test-" + std::to_string(::getpid()));

  Run() { fs::create_directories(path); }

  ~Run() { fs::remove_all(path); }

  std::set<std::string> names() const { return test::checkpoint_names(path); }
};

checkpoint::Snapshot snapshot(int step) {
  return {.model = {{"encoder.w", at::full({2, 2}, step)}, {"head.b", at::full({1}, -step)}},
          .optimizer = {{"momentum.encoder.w", at::full({2, 2}, 0.5)}},
          .state = "{\"epoch\":" + std::to_string(step) + "}"};
}

void overwrite(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

TEST_CASE("store: what was saved comes back, and `latest` names it", "[checkpoint]") {
  const Run run;
  checkpoint::CheckpointStore store(run.path, 2);
  CHECK(!store.load_latest());
  const fs::path folder = store.save(100, snapshot(100));
  CHECK(folder.filename() == "step-00000100");
  CHECK(read_file(run.path / "checkpoints/latest") == "step-00000100\n");
  const auto loaded = store.load_latest();
  REQUIRE(loaded);
  CHECK(loaded->step == 100);
  CHECK(loaded->snapshot.state == "{\"epoch\":100}");
  CHECK(loaded->snapshot.model.at(0).first == "encoder.w");
  CHECK(loaded->snapshot.model.at(0).second.equal(at::full({2, 2}, 100)));
  CHECK(loaded->snapshot.optimizer.size() == 1);
}

TEST_CASE(
    "store: the newest keep_last stay, partial folders of a crash go, fewer than two is refused",
    "[checkpoint]") {
  const Run run;
  CHECK_THROWS_AS(checkpoint::CheckpointStore(run.path, 1), UsageError);
  checkpoint::CheckpointStore store(run.path, 2);
  for (int step = 1; step <= 4; ++step) store.save(step, snapshot(step));
  CHECK((run.names() == std::set<std::string>{"step-00000003", "step-00000004", "latest"}));
  fs::create_directory(run.path / "checkpoints/step-00000005.tmp-0badcafe");
  CHECK(store.load_latest()->step == 4);
  store.save(4, snapshot(44));
  CHECK((run.names() == std::set<std::string>{"step-00000003", "step-00000004", "latest"}));
  CHECK(store.load_latest()->snapshot.state == "{\"epoch\":44}");
}

TEST_CASE("store: a damaged newest checkpoint does not count as kept", "[checkpoint]") {
  const Run run;
  checkpoint::CheckpointStore store(run.path, 2);
  for (int step : {10, 20, 30}) store.save(step, snapshot(step));
  fs::remove(run.path / "checkpoints/step-00000030/state.json");
  CHECK(store.load_latest()->step == 20);
  store.save(25, snapshot(25));
  CHECK((run.names() ==
         std::set<std::string>{"step-00000020", "step-00000025", "step-00000030", "latest"}));
  CHECK(store.load_latest()->step == 25);
}

TEST_CASE(
    "store: every truncation and every flipped bit of any file is found, and the older checkpoint "
    "is used",
    "[checkpoint]") {
  const Run run;
  checkpoint::CheckpointStore store(run.path, 2);
  store.save(1, snapshot(1));
  const fs::path newest = store.save(2, snapshot(2));
  std::int64_t tried = 0;
  for (const char* name :
       {"model.safetensors", "optimizer.safetensors", "state.json", "MANIFEST.json"}) {
    INFO(name);
    const std::string whole = read_file(newest / name);
    const auto damaged = [&](const std::string& bytes) {
      overwrite(newest / name, bytes);
      ++tried;
      try {
        checkpoint::load_checkpoint(newest);
      } catch (const CheckpointError&) {
        return true;
      }
      return false;
    };
    for (std::size_t n = 0; n < whole.size(); ++n) REQUIRE(damaged(whole.substr(0, n)));
    REQUIRE(damaged(whole + "\n"));
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
      std::string flipped = whole;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      REQUIRE(damaged(flipped));
    }
    CHECK(store.load_latest()->step == 1);
    fs::remove(newest / name);
    CHECK(store.load_latest()->step == 1);
    overwrite(newest / name, whole);
    CHECK(store.load_latest()->step == 2);
  }
  CHECK(tried > 5000);
}

TEST_CASE("store: when no checkpoint is whole the run does not start over in silence",
          "[checkpoint]") {
  const Run run;
  checkpoint::CheckpointStore store(run.path, 2);
  fs::remove(store.save(1, snapshot(1)) / "MANIFEST.json");
  CHECK_THROWS_AS(store.load_latest(), CheckpointError);
}

TEST_CASE("manifest: a folder under another step's name is refused", "[checkpoint]") {
  const Run run;
  checkpoint::CheckpointStore store(run.path, 2);
  const fs::path folder = store.save(1, snapshot(1));
  fs::rename(folder, folder.parent_path() / "step-00000009");
  CHECK_THROWS_AS(checkpoint::load_checkpoint(folder.parent_path() / "step-00000009"),
                  CheckpointError);
}

TEST_CASE("store: a crash while a step is replaced leaves the replaced one to go on from",
          "[checkpoint]") {
  const Run run;
  checkpoint::CheckpointStore store(run.path, 2);
  const fs::path folder = store.save(1, snapshot(1));
  fs::rename(folder, folder.string() + ".replaced");
  REQUIRE(store.load_latest());
  CHECK(store.load_latest()->snapshot.state == "{\"epoch\":1}");
  store.save(1, snapshot(11));  // the same step again: then the crash came too late to matter
  CHECK((run.names() == std::set<std::string>{"step-00000001", "latest"}));
  fs::copy(folder, folder.string() + ".replaced");
  store.save(2, snapshot(2));
  CHECK((run.names() == std::set<std::string>{"step-00000001", "step-00000002", "latest"}));
  CHECK(store.load_latest()->step == 2);
}

TEST_CASE("store: one object's memory serves snapshot after snapshot", "[checkpoint]") {
  const Run run;
  const checkpoint::CheckpointStore store(run.path, 2);
  checkpoint::Files files;
  checkpoint::encode(1, snapshot(1), files);
  const char* const memory = files.model.data();
  store.write(files);
  checkpoint::encode(2, snapshot(2), files);
  CHECK(files.model.data() == memory);
  store.write(files);
  CHECK(store.load_latest()->snapshot.model.at(0).second.equal(at::full({2, 2}, 2)));
}

TEST_CASE("store: a process whose run was taken over publishes and removes nothing",
          "[checkpoint]") {
  const Run run;
  const checkpoint::CheckpointStore successor(run.path, 2);
  for (int step : {1, 2}) successor.save(step, snapshot(step));
  for (int allowed = 0; allowed < 4; ++allowed) {  // the right is lost between any two of its acts
    CAPTURE(allowed);
    int asked = 0;
    const checkpoint::CheckpointStore stale(run.path, 2, [&] {
      if (asked++ >= allowed) throw PeerError("taken over");
    });
    const std::set<std::string> before = run.names();
    CHECK_THROWS_AS(stale.save(2, snapshot(99)), PeerError);
    if (allowed == 0) {
      CHECK(run.names() == before);
      CHECK(successor.load_latest()->snapshot.state == "{\"epoch\":2}");
    }
    CHECK(successor.load_latest()->step == 2);
  }
}
