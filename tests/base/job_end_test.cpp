#include "base/job_end.h"

#include "base/env.h"
#include "tests/support/catch.h"

#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

using namespace sslrun;
namespace fs = std::filesystem;

namespace {

/// An environment variable for the length of a test.
struct Variable {
  const char* name;
  std::optional<std::string> before;

  Variable(const char* n, const std::string& value) : name(n), before(env(n)) {
    setenv(n, value.c_str(), 1);
  }

  ~Variable() { before ? setenv(name, before->c_str(), 1) : unsetenv(name); }
};

}  // namespace

TEST_CASE("job_end: a local time as squeue prints it, and nothing else", "[base][job]") {
  std::tm parts{};
  parts.tm_year = 126;
  parts.tm_mon = 0;
  parts.tm_mday = 31;
  parts.tm_hour = 23;
  parts.tm_min = 59;
  parts.tm_sec = 58;
  parts.tm_isdst = -1;
  CHECK(parse_local_time("2026-01-31T23:59:58\n") == std::mktime(&parts));
  for (const char* text : {"", "N/A", "NONE\n", "Unknown", "2026-01-31", "2026-01-31T23:59:58 x"}) {
    CAPTURE(text);
    CHECK(!parse_local_time(text));
  }
}

TEST_CASE("job_end: the variable comes first, then what squeue says of the job, else there is none",
          "[base][job]") {
  unsetenv("SLURM_JOB_END_TIME");
  unsetenv("SLURM_JOB_ID");
  CHECK(!job_end());
  const fs::path bin = fs::temp_directory_path() / ("sslrun-squeue-" + std::to_string(getpid()));
  fs::create_directories(bin);
  std::ofstream(bin / "squeue")
      << "#!/bin/sh\n[ \"$*\" = '-h -j 42 -o %e' ] && echo 2026-01-31T23:59:58\n";
  fs::permissions(bin / "squeue", fs::perms::owner_all);
  const Variable path("PATH", bin.string() + ":" + env("PATH").value_or(""));
  {
    const Variable job("SLURM_JOB_ID", "42");
    CHECK(job_end() == parse_local_time("2026-01-31T23:59:58"));
    const Variable end("SLURM_JOB_END_TIME", "1790000000");
    CHECK(job_end() == 1790000000);
  }
  const Variable job("SLURM_JOB_ID", "42; touch x");
  CHECK(!job_end());
  fs::remove_all(bin);
}
