#include "metrics/event_file.h"

#include "base/file.h"
#include "tests/support/catch.h"

#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

namespace sslrun::metrics {
namespace {

namespace fs = std::filesystem;

TEST_CASE("crc32c: equals the published values", "[metrics]") {
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aau);  // RFC 3720, appendix B.4
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43u);
  CHECK(crc32c("123456789") == 0xe3069283u);  // the check value of CRC-32C
}

TEST_CASE("event_file: records frame the version and a scalar as TFRecord and protobuf say",
          "[metrics]") {
  const fs::path folder =
      fs::temp_directory_path() / ("sslrun-event-test-" + std::to_string(::getpid()));
  fs::path path;
  {
    EventFile events(folder);
    path = events.path();
    events.scalar(300, "loss", 0.5f);
  }
  const std::string bytes = read_file(path);
  fs::remove_all(folder);
  std::vector<std::string> events;
  for (std::size_t at = 0; at < bytes.size();) {
    std::uint64_t length = 0;
    REQUIRE(at + 16 <= bytes.size());
    std::memcpy(&length, bytes.data() + at, 8);
    const auto check = [&](std::size_t from, std::size_t n) {
      const std::uint32_t c = crc32c(std::string_view(bytes).substr(from, n));
      const std::uint32_t masked = ((c >> 15) | (c << 17)) + 0xa282ead8u;
      std::uint32_t stored = 0;
      std::memcpy(&stored, bytes.data() + from + n, 4);
      CHECK(stored == masked);
    };
    check(at, 8);
    check(at + 12, length);
    events.push_back(bytes.substr(at + 12, length));
    at += 16 + length;
  }
  REQUIRE(events.size() == 2);
  // field 1 (fixed64) is the time; then field 3: "brain.Event:2"
  CHECK(events[0].substr(9) == std::string("\x1a\x0d") + "brain.Event:2");
  // field 2 (varint) 300; field 5: summary{1: value{1: "loss", 2 (fixed32): 0.5}}
  CHECK(events[1].substr(9) ==
        std::string("\x10\xac\x02\x2a\x0d\x0a\x0b\x0a\x04loss\x15\x00\x00\x00\x3f", 18));
}

}  // namespace
}  // namespace sslrun::metrics
