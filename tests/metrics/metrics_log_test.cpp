#include "metrics/metrics_log.h"

#include "base/file.h"
#include "tests/support/catch.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace sslrun::metrics {
namespace {

namespace fs = std::filesystem;

struct TemporaryFile {
  fs::path path =
      fs::temp_directory_path() / ("sslrun-metrics-test-" + std::to_string(::getpid()) + ".jsonl");

  TemporaryFile() { fs::remove(path); }

  ~TemporaryFile() { fs::remove(path); }
};

TEST_CASE("metrics_log: a value that is not finite is null, so every line stays JSON",
          "[metrics]") {
  CHECK(to_json_line({3, {{"loss", 0.5}, {"lr", NAN}}}) ==
        "{\"step\":3,\"loss\":0.5,\"lr\":null}\n");
}

TEST_CASE("metrics_log: resuming at a step leaves no duplicate, no hole and no torn line",
          "[metrics]") {
  const TemporaryFile file;
  const auto write = [&](std::int64_t resume, std::int64_t from, std::int64_t to) {
    MetricsLog log(file.path, resume, resume);
    for (std::int64_t s = from; s <= to; ++s)
      log.write({s, {{"loss", 1.0 / static_cast<double>(s)}}});
    log.sync();
  };
  write(0, 1, 10);
  const std::string whole = read_file(file.path);
  for (std::size_t cut = 0; cut <= whole.size();
       ++cut) {  // killed at any byte, last checkpoint at step 4 or before the cut
    write_file_synced(file.path, whole.substr(0, cut));
    const auto lines =
        std::count(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut), '\n');
    const std::int64_t resume = std::min<std::int64_t>(4, lines);
    write(resume, resume + 1, 10);
    REQUIRE(read_file(file.path) == whole);
  }
}

TEST_CASE(
    "metrics_log: an evaluation that the run does not remember is dropped, as it will be made "
    "again",
    "[metrics]") {
  const TemporaryFile file;
  {
    MetricsLog log(file.path, 0, -1);
    log.write({1, {{"loss", 1.0}}});
    log.write({1, {{"knn_top1", 0.1}}});
    log.write({2, {{"loss", 0.5}}});
    log.write({2, {{"knn_top1", 0.2}}});
  }
  const std::string whole = read_file(file.path);
  { const MetricsLog log(file.path, 2, 2); }
  CHECK(read_file(file.path) == whole);
  { const MetricsLog log(file.path, 2, 1); }
  CHECK(read_file(file.path) == whole.substr(0, whole.rfind("{\"step\":2,\"knn_top1\"")));
}

}  // namespace
}  // namespace sslrun::metrics
