#include "base/file.h"

#include "base/error.h"
#include "tests/support/catch.h"

#include <unistd.h>

#include <filesystem>

namespace sslrun {
namespace {

namespace fs = std::filesystem;

struct TemporaryFolder {
  fs::path path = fs::temp_directory_path() / ("sslrun-file-test-" + std::to_string(::getpid()));

  TemporaryFolder() { fs::create_directories(path); }

  ~TemporaryFolder() { fs::remove_all(path); }
};

TEST_CASE("file: an atomic write replaces the bytes and leaves nothing else behind",
          "[base][file]") {
  const TemporaryFolder folder;
  const fs::path file = folder.path / "status.json";
  write_file_atomic(file, "old");
  const std::string bytes(100000, '\0');
  write_file_atomic(file, bytes);
  CHECK(read_file(file) == bytes);
  CHECK(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator()) == 1);
}

TEST_CASE("file: what is not committed is gone, and the old bytes stay", "[base][file]") {
  const TemporaryFolder folder;
  const fs::path path = folder.path / "shard.tar";
  write_file_atomic(path, "old");
  {
    AtomicFile file(path);
    file.write("ne");
    file.write("w");
    CHECK(read_file(path) == "old");
  }
  CHECK(read_file(path) == "old");
  CHECK(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator()) == 1);
  AtomicFile file(path);
  file.write("ne");
  file.write("w");
  file.commit();
  CHECK(read_file(path) == "new");
}

TEST_CASE("file: a refused write names the path and the reason and leaves the folder as it was",
          "[base][file]") {
  const TemporaryFolder folder;
  fs::create_directories(folder.path / "target" / "held");  // a folder cannot be replaced by a file
  try {
    write_file_atomic(folder.path / "target", "x");
    FAIL("accepted");
  } catch (const StorageError& e) {
    CHECK(e.exit_code() == 8);
    CHECK_THAT(e.what(),
               Catch::Matchers::Contains("target") && Catch::Matchers::Contains("directory"));
  }
  CHECK(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator()) == 1);
  CHECK_THROWS_AS(read_file(folder.path / "absent"), StorageError);
}

TEST_CASE("file: a full disk is said, with what to do", "[base][file]") {
  if (!fs::exists("/dev/full")) SKIP_TEST("no /dev/full here");
  try {
    write_file_synced("/dev/full", "x");
    FAIL("accepted");
  } catch (const StorageError& e) {
    CHECK_THAT(
        e.what(),
        Catch::Matchers::Contains("No space left") && Catch::Matchers::Contains("free some space"));
  }
}

}  // namespace
}  // namespace sslrun
