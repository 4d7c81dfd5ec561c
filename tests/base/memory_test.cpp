#include "base/memory.h"

#include "tests/support/catch.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kLimit = 256 << 20;

bool write_to(const fs::path& file, const std::string& text) {
  std::ofstream out(file);
  out << text << std::flush;
  return out.good();
}

/// A memory control group of version 1 with that limit, inside this process's; removed with the object.
class Group {
 public:
  Group() {
    std::ifstream in("/proc/self/cgroup");
    for (std::string line; std::getline(in, line);) {
      const std::size_t at = line.find(":memory:");
      if (at == std::string::npos) continue;
      path_ = "/sys/fs/cgroup/memory" + line.substr(at + 8) + "/sslrun-test-" +
              std::to_string(getpid());
      std::error_code error;
      made_ = fs::create_directory(path_, error) &&
              write_to(path_ / "memory.limit_in_bytes", std::to_string(kLimit));
    }
  }

  ~Group() {
    if (!path_.empty()) rmdir(path_.c_str());
  }

  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  bool made() const { return made_; }

  bool enter() const { return write_to(path_ / "cgroup.procs", std::to_string(getpid())); }

 private:
  fs::path path_;
  bool made_ = false;
};

/// Page faults of taking a block, writing each page of it, and freeing it.
long faults_of_a_block() {
  constexpr std::size_t kBlock = 64 << 20, kPage = 4096;
  const auto faults = [] {
    rusage use{};
    getrusage(RUSAGE_SELF, &use);
    return use.ru_minflt;
  };
  const long before = faults();
  auto* const block = static_cast<volatile char*>(std::malloc(kBlock));
  for (std::size_t i = 0; i < kBlock; i += kPage) block[i] = 1;
  std::free(const_cast<char*>(block));
  return faults() - before;
}

}  // namespace

TEST_CASE("memory: a control group's limit counts, and that of one around it", "[base]") {
  CHECK(sslrun::free_memory() > kLimit);  // what any machine has that runs these tests
  const Group group;
  if (!group.made()) {
    SKIP_TEST("memory limits: no memory control group of version 1 can be made here");
  }
  const pid_t child = fork();
  if (child == 0) {
    if (!group.enter()) _exit(1);
    const std::int64_t left = sslrun::free_memory();
    _exit(left > 0 && left <= kLimit ? 0 : 2);
  }
  int ended = -1;
  waitpid(child, &ended, 0);
  CHECK(ended == 0);
}

TEST_CASE("memory: what is freed and taken again costs no page faults once it is kept", "[base]") {
#if !defined(__GLIBC__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  SKIP_TEST("kept memory: this build has not glibc's malloc");
#endif
  const pid_t child = fork();
  if (child == 0) {
    constexpr long kFew = 100;  // of 16,384 pages
    sslrun::keep_freed_memory();
    faults_of_a_block();
    _exit(faults_of_a_block() < kFew ? 0 : 1);
  }
  int ended = -1;
  waitpid(child, &ended, 0);
  CHECK(ended == 0);
}
