#include "launch/launcher.h"

#include "tests/data/support.h"
#include "tests/support/catch.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace {

using namespace sslrun;
using Catch::Matchers::Contains;
using launch::Outcome;

constexpr std::chrono::milliseconds kGrace{20000}, kNoGrace{50};

Outcome shell(const std::string& script, int count, std::chrono::milliseconds grace = kGrace) {
  return launch::run_ranks({"/bin/bash", "-c", script}, count, grace);
}

std::string contents(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Shell: runs until a SIGTERM, which it notes in $DIR/<rank>.
const std::string kWait =
    "trap 'echo term > $DIR/$SSLRUN_RANK; exit 143' TERM; touch $DIR/ready$SSLRUN_RANK; "
    "while :; do sleep 0.02; done";

}  // namespace

TEST_CASE("launcher: every rank has its place, and rank 0 the door", "[launch]") {
  const test::TempFolder folder;
  setenv("DIR", folder.path().c_str(), 1);
  const Outcome out = shell(
      "echo $SSLRUN_RANK/$SSLRUN_WORLD_SIZE ${SSLRUN_PORT:+port} > $DIR/$SSLRUN_RANK; "
      "if [ $SSLRUN_RANK = 0 ]; then readlink /proc/self/fd/$SSLRUN_DOOR > $DIR/door; fi",
      3);
  CHECK(out.status == 0);
  CHECK(out.words == "");
  for (int rank = 0; rank < 3; ++rank)
    CHECK(contents(folder.path(std::to_string(rank))) == std::to_string(rank) + "/3 port\n");
  CHECK_THAT(contents(folder.path("door")), Contains("socket:"));
}

TEST_CASE("launcher: the first failure is told with its last words, and the others are stopped",
          "[launch]") {
  const test::TempFolder folder;
  setenv("DIR", folder.path().c_str(), 1);
  const Outcome out = shell(
      "if [ $SSLRUN_RANK = 2 ]; then until [ -e $DIR/ready0 -a -e $DIR/ready1 ]; do sleep 0.02; "
      "done; "
      "echo numbers ran out >&2; exit 6; fi; " +
          kWait,
      3);
  CHECK(out.status == 6);
  CHECK_THAT(out.words,
             Contains("rank 2 on '") &&
                 Contains("' ended with exit status 6; the other ranks were stopped; its "
                          "last words:\nnumbers ran out\n"));
  CHECK(contents(folder.path("0")) == "term\n");
  CHECK(contents(folder.path("1")) == "term\n");
}

TEST_CASE("launcher: the cause is the rank that failed, not those that lost it", "[launch]") {
  // Rank 0 leaves with 9 first; rank 1, which it lost, fails only then.
  const test::TempFolder folder;
  setenv("DIR", folder.path().c_str(), 1);
  const Outcome out = shell(
      "trap '' TERM; if [ $SSLRUN_RANK = 0 ]; then until [ -e $DIR/deaf ]; do sleep 0.02; done; "
      "touch $DIR/lost; exit 9; fi; touch $DIR/deaf; "
      "until [ -e $DIR/lost ]; do sleep 0.02; done; echo the data; exit 4",
      2);
  CHECK(out.status == 4);
  CHECK_THAT(out.words, Contains("rank 1 on") && Contains("exit status 4") && Contains("the data"));
  CHECK(shell("exit 9", 1).status == 9);
}

TEST_CASE("launcher: a killed rank is named, and one that does not leave is killed", "[launch]") {
  const test::TempFolder folder;
  setenv("DIR", folder.path().c_str(), 1);
  const Outcome out = shell(
      "if [ $SSLRUN_RANK = 1 ]; then until [ -e $DIR/deaf ]; do sleep 0.02; done; kill -9 $$; fi; "
      "trap '' TERM; touch $DIR/deaf; while :; do sleep 0.02; done",
      2,
      kNoGrace);
  CHECK(out.status == 9);
  CHECK_THAT(out.words,
             Contains("rank 1 on") &&
                 Contains("was killed by signal 9 (Killed), as the system does where memory"));
}

TEST_CASE("launcher: signals go on to all ranks, whose stop status is the answer", "[launch]") {
  const test::TempFolder folder;
  setenv("DIR", folder.path().c_str(), 1);
  std::thread stopper([&] {
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &term, nullptr);  // as the launcher has in the other thread
    while (!std::filesystem::exists(folder.path("ready0")) ||
           !std::filesystem::exists(folder.path("ready1")))
      std::this_thread::yield();
    kill(getpid(), SIGTERM);
  });
  const Outcome out = shell(kWait, 2);
  stopper.join();
  CHECK(out.status == 143);
  CHECK(out.words == "");
  CHECK(contents(folder.path("0")) == "term\n");
  CHECK(contents(folder.path("1")) == "term\n");
}

TEST_CASE("launcher: the ranks die with it", "[launch]") {
  const test::TempFolder folder;
  setenv("DIR", folder.path().c_str(), 1);
  const pid_t launcher = fork();
  if (launcher == 0) {
    shell(
        "echo $$ > $DIR/pid.new; mv $DIR/pid.new $DIR/pid$SSLRUN_RANK; trap '' TERM; while :; do "
        "sleep 0.02; done",
        1);
    _exit(0);
  }
  const auto file = folder.path("pid0");
  while (!std::filesystem::exists(file)) std::this_thread::yield();
  const pid_t rank = std::stoi(contents(file));
  kill(launcher, SIGKILL);
  waitpid(launcher, nullptr, 0);
  while (kill(rank, 0) == 0 && !contents("/proc/" + std::to_string(rank) + "/stat").empty() &&
         contents("/proc/" + std::to_string(rank) + "/stat").find(") Z") == std::string::npos)
    std::this_thread::yield();
  SUCCEED("the rank is gone");
}
