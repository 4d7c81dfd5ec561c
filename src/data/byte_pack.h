// Parts of unequal size, written by many threads, in one piece of memory that one copy moves.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory_resource>
#include <vector>

namespace sslrun::data {

/// A head of fixed size, then the parts in any order, each a multiple of 64 bytes behind it. The
/// memory grows when a round needs more than any before, and is kept.
class BytePack {
 public:
  BytePack(std::int64_t head_bytes, std::int64_t num_parts, std::pmr::memory_resource* memory);

  /// Forgets the parts.
  void reset();

  std::uint8_t* head() { return memory_.data(); }

  /// Room for a part of n bytes, each part once in a round; valid until seal(). Thread-safe.
  std::uint8_t* add(std::int64_t part, std::int64_t n);
  /// Ends the round: all parts lie behind the head now. Returns the bytes of all together.
  std::int64_t seal();

  const std::uint8_t* data() const { return memory_.data(); }

  /// Where a part begins. After seal().
  std::int64_t offset(std::int64_t part) const {
    return parts_[static_cast<std::size_t>(part)].offset;
  }

 private:
  struct Part {
    std::int64_t offset = 0, size = 0;
    std::vector<std::uint8_t> spare;  // what did not fit
  };

  std::int64_t head_bytes_;
  std::pmr::vector<std::uint8_t> memory_;
  std::vector<Part> parts_;
  std::atomic<std::int64_t> used_;
};

}  // namespace sslrun::data
