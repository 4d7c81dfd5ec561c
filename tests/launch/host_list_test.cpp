#include "launch/host_list.h"

#include "base/error.h"
#include "tests/support/catch.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>

namespace {

using namespace sslrun;
using Hosts = std::vector<std::string>;

struct Drawn {
  std::string list;
  Hosts hosts;
};

// A list and its hosts, the hosts made beside the list, never read from it.
class Draw {
 public:
  explicit Draw(std::uint32_t seed) : random_(seed) {}

  Drawn lists(std::int64_t most) {
    Drawn out = entry();
    for (std::int64_t n = below(most); n > 0; --n) {
      const Drawn more = entry();
      out.list += "," + more.list;
      out.hosts.insert(out.hosts.end(), more.hosts.begin(), more.hosts.end());
    }
    return out;
  }

 private:
  // scontrol 22.05 takes no text behind the last bracket and none but letters between two.
  Drawn entry() {
    Drawn out{name(), {}};
    out.hosts = {out.list};
    const std::int64_t brackets = below(3);
    for (std::int64_t b = 0; b < brackets; ++b) {
      const std::string between = b > 0 ? std::string(1, letter()) : "";
      const Drawn numbers = bracket();
      out.list += between + numbers.list;
      Hosts longer;
      for (const std::string& head : out.hosts)
        for (const std::string& tail : numbers.hosts) longer.push_back(head + between + tail);
      out.hosts = longer;
    }
    return out;
  }

  Drawn bracket() {
    Drawn out{"[", {}};
    for (std::int64_t n = 1 + below(3); n > 0; --n) {
      const int width = static_cast<int>(1 + below(4));
      const std::int64_t first = below(120), count = 1 + below(5);
      for (std::int64_t i = first; i < first + count; ++i) {
        char text[16];
        std::snprintf(text, sizeof text, "%0*d", width, static_cast<int>(i));
        if (i == first) out.list += text;
        if (i == first + count - 1 && count > 1) out.list += std::string("-") + text;
        out.hosts.emplace_back(text);
      }
      out.list += n > 1 ? "," : "]";
    }
    return out;
  }

  std::string name() {
    std::string out(1, letter());
    for (std::int64_t n = below(6); n > 0; --n) out += letter();
    return out + (below(4) == 0 ? "-" : "");
  }

  char letter() { return static_cast<char>('a' + below(26)); }

  std::int64_t below(std::int64_t n) {
    return std::uniform_int_distribution<std::int64_t>(0, n - 1)(random_);
  }

  std::mt19937 random_;
};

// The lines that scontrol prints; none where it is not there or does not work.
Hosts scontrol(const std::string& list) {
  const std::string command = "scontrol show hostnames '" + list + "' 2>/dev/null";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  Hosts out;
  char line[256];
  while (pipe && std::fgets(line, sizeof line, pipe.get()) != nullptr) {
    out.emplace_back(line);
    out.back().pop_back();
  }
  return out;
}

}  // namespace

TEST_CASE("host list: expands as Slurm writes it", "[launch]") {
  using launch::expand_host_list;
  CHECK(expand_host_list("node[01-03,07],gpu-[1-2]-[3-4]") ==
        Hosts{"node01", "node02", "node03", "node07", "gpu-1-3", "gpu-1-4", "gpu-2-3", "gpu-2-4"});
  CHECK(expand_host_list("p[1-2]x[0-1]") == Hosts{"p1x0", "p1x1", "p2x0", "p2x1"});
  CHECK(expand_host_list("a1,b2") == Hosts{"a1", "b2"});
  CHECK(expand_host_list("n[9-11]") == Hosts{"n9", "n10", "n11"});
  CHECK(expand_host_list("n[08-10]-ib") == Hosts{"n08-ib", "n09-ib", "n10-ib"});
  CHECK(expand_host_list("n[1,01]") == Hosts{"n1", "n01"});
  CHECK(expand_host_list("[1-2]") == Hosts{"1", "2"});
  CHECK(expand_host_list("n[000000-999999]").size() == 1'000'000);
}

TEST_CASE("host list: 10,000 random lists give the hosts that they were made of", "[launch]") {
  Draw draw(1);
  for (int i = 0; i < 10'000; ++i) {
    const Drawn drawn = draw.lists(4);
    CAPTURE(drawn.list);
    if (launch::expand_host_list(drawn.list) != drawn.hosts) FAIL("other hosts than drawn");
  }
}

TEST_CASE("host list: equal to scontrol show hostnames on 10,000 random lists", "[launch]") {
  if (scontrol("a[1-2]") != Hosts{"a1", "a2"})
    SKIP_TEST("scontrol show hostnames does not work here");
  Draw draw(2);
  for (int i = 0; i < 200; ++i) {  // 50 lists in a call
    std::string list;
    for (int j = 0; j < 50; ++j) list += (j > 0 ? "," : "") + draw.lists(1).list;
    CAPTURE(list);
    if (launch::expand_host_list(list) != scontrol(list)) FAIL("scontrol says otherwise");
  }
}

TEST_CASE("host list: what is none is refused with its place", "[launch]") {
  const auto [list, what] = GENERATE(table<std::string, std::string>(
      {{"", "have a name between its commas (character 1)"},
       {"a,,b", "have a name between its commas (character 3)"},
       {"a,", "have a name between its commas (character 3)"},
       {"n[1", "close every '[' (character 4)"},
       {"n[1-", "have numbers of 1 to 9 digits in its brackets (character 5)"},
       {"n[]", "have numbers of 1 to 9 digits in its brackets (character 3)"},
       {"n[a-b]", "have numbers of 1 to 9 digits in its brackets (character 3)"},
       {"n[1-2-3]", "close every '[' (character 6)"},
       {"n[[1]]", "have numbers of 1 to 9 digits in its brackets (character 3)"},
       {"n[3-1]", "count upwards within a bracket (character 6)"},
       {"n1]", "hold a ']' only behind its '[' (character 3)"},
       {"n[1234567890]", "have numbers of 1 to 9 digits in its brackets (character 13)"},
       {"n[0-1000000]", "stand for at most 1000000 hosts (character 12)"},
       {"n[0-999]x[0-999]y[0-1]", "stand for at most 1000000 hosts (character 22)"},
       {"n[0-999999],m", "stand for at most 1000000 hosts (character 14)"}}));
  CHECK_THROWS_WITH(launch::expand_host_list(list), "the host list '" + list + "' must " + what);
  CHECK_THROWS_AS(launch::expand_host_list(list), UsageError);
}
