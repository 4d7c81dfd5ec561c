#include "base/folder_lock.h"

#include "base/error.h"
#include "base/file.h"
#include "tests/data/support.h"
#include "tests/support/catch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <ctime>
#include <string>
#include <thread>

using namespace sslrun;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

constexpr FolderLock::Timing kQuick{.renew = 20ms, .lease = 300ms};
constexpr const char* kElsewhere =
    "process 7 on node3 since 2026-01-31T23:59:59Z\nboot/space 7 99 feed\n";

void touch(const std::string& path, double seconds_ago) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  now.tv_sec -= static_cast<time_t>(seconds_ago);
  const timespec times[2] = {now, now};
  REQUIRE(utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
}

std::string refusal(const std::string& path) {
  try {
    const FolderLock second(path, kQuick);
  } catch (const StorageError& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("folder_lock: a live holder is named to whoever comes second, and free when it has ended",
          "[base][lock]") {
  const test::TempFolder folder;
  const std::string path = folder.path("LOCK");
  {
    const FolderLock first(path, kQuick);
    CHECK_THAT(refusal(path),
               Contains("process " + std::to_string(getpid()) + " on ") && Contains(" s ago") &&
                   Contains("--out"));
    CHECK(first.held());
    CHECK_NOTHROW(first.require_held());
  }
  CHECK(read_file(path).empty());
  CHECK(refusal(path).empty());
}

TEST_CASE("folder_lock: one whose process was killed is taken over at once", "[base][lock]") {
  const test::TempFolder folder;
  const std::string path = folder.path("LOCK");
  const pid_t child = fork();
  if (child == 0) {
    const FolderLock lock(path, FolderLock::Timing{});
    _exit(0);  // without its destructor
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(!read_file(path).empty());
  const FolderLock lock(path, FolderLock::Timing{});  // the lease of a minute has not run out
  CHECK_NOTHROW(lock.require_held());
}

TEST_CASE("folder_lock: a process number that was given anew is not the holder", "[base][lock]") {
  const test::TempFolder folder;
  const std::string path = folder.path("LOCK");
  std::string text;
  {
    const FolderLock lock(path, kQuick);
    text = read_file(path);
  }
  const std::string token = text.substr(text.rfind(' '));
  const std::string before_start = text.substr(0, text.rfind(' ', text.rfind(' ') - 1));
  write_file_synced(path, before_start + " 12" + token);  // this process's number, another's start
  CHECK(refusal(path).empty());
}

TEST_CASE("folder_lock: a lease of another host is waited for, and taken when it has run out",
          "[base][lock]") {
  const test::TempFolder folder;
  const std::string path = folder.path("LOCK");
  write_file_synced(path, kElsewhere);
  touch(path, 10);
  CHECK(refusal(path).empty());
  write_file_synced(path, kElsewhere);  // renewed just now, and never again
  CHECK(refusal(path).empty());
}

TEST_CASE("folder_lock: another host that renews its lease keeps the folder", "[base][lock]") {
  const test::TempFolder folder;
  const std::string path = folder.path("LOCK");
  write_file_synced(path, kElsewhere);
  std::atomic<bool> stop = false;
  std::thread holder([&] {
    while (!stop) utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
  });
  CHECK_THAT(refusal(path), Contains("process 7 on node3"));
  stop = true;
  holder.join();
  CHECK(read_file(path) == kElsewhere);
}

TEST_CASE("folder_lock: who was replaced is told so, renews nothing and frees nothing",
          "[base][lock]") {
  const test::TempFolder folder;
  const std::string path = folder.path("LOCK");
  {
    const FolderLock lock(path, kQuick);
    write_file_synced(path, kElsewhere);
    try {
      lock.require_held();
      FAIL("another's token must be refused");
    } catch (const PeerError& e) {
      CHECK(e.exit_code() == 9);
      CHECK_THAT(e.what(), Contains("process 7 on node3") && Contains("writes nothing more"));
    }
    while (lock.held()) std::this_thread::yield();
  }
  CHECK(read_file(path) == kElsewhere);
}

TEST_CASE(
    "folder_lock: a holder that has ended, and that its parent has not noticed, holds nothing",
    "[base]") {
  const test::TempFolder folder;
  const pid_t child = fork();
  if (child == 0) {
    new FolderLock(folder.path("LOCK"), FolderLock::Timing{});  // no destructor: killed
    ::kill(getpid(), SIGKILL);
  }
  siginfo_t ended{};
  REQUIRE(waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT) == 0);  // a zombie
  CHECK_NOTHROW(FolderLock(folder.path("LOCK"), FolderLock::Timing{}));
  waitpid(child, nullptr, 0);
}
