#include "data/byte_pack.h"

#include "tests/support/catch.h"

#include <algorithm>
#include <thread>

using namespace sslrun;

namespace {

std::int64_t size_of(std::int64_t part, std::int64_t round) {
  return (part * 37 + round * 91) % 200;
}

class Counting final : public std::pmr::memory_resource {
 public:
  std::vector<std::size_t> asked;

 private:
  void* do_allocate(std::size_t bytes, std::size_t) override {
    asked.push_back(bytes);
    return ::operator new(bytes);
  }

  void do_deallocate(void* memory, std::size_t, std::size_t) override { ::operator delete(memory); }

  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

}  // namespace

TEST_CASE("byte_pack: parts of any size lie apart behind the head, also when they outgrow it",
          "[data]") {
  Counting memory;
  data::BytePack pack(10, 16, &memory);
  for (std::int64_t round = 0; round < 6; ++round) {
    pack.reset();
    std::fill_n(pack.head(), 10, static_cast<std::uint8_t>(round));
    std::vector<std::thread> threads;
    for (std::int64_t t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (std::int64_t part = t; part < 16; part += 4)
          std::fill_n(pack.add(part, size_of(part, round)),
                      size_of(part, round),
                      static_cast<std::uint8_t>(100 + part));
      });
    for (std::thread& thread : threads) thread.join();
    const std::int64_t total = pack.seal();
    std::int64_t needed = 64;
    for (std::int64_t part = 0; part < 16; ++part) {
      const std::int64_t begin = pack.offset(part), n = size_of(part, round);
      needed += (n + 63) / 64 * 64;
      CHECK(begin % 64 == 0);
      CHECK((begin >= 64 && begin + n <= total));
      CHECK(std::count(pack.data() + begin,
                       pack.data() + begin + n,
                       static_cast<std::uint8_t>(100 + part)) == n);
    }
    CHECK(total == needed);
    CHECK(std::count(pack.data(), pack.data() + 10, static_cast<std::uint8_t>(round)) == 10);
  }
  CHECK(memory.asked.size() < 6);  // what is large enough is kept
  CHECK(std::is_sorted(memory.asked.begin(), memory.asked.end()));
}
