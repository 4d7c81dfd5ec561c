#include "data/byte_pack.h"

#include <algorithm>

namespace sslrun::data {

namespace {

constexpr std::int64_t kAlign = 64;

std::int64_t aligned(std::int64_t n) {
  return (n + kAlign - 1) / kAlign * kAlign;
}

}  // namespace

BytePack::BytePack(std::int64_t head_bytes,
                   std::int64_t num_parts,
                   std::pmr::memory_resource* memory)
    : head_bytes_(aligned(head_bytes)),
      memory_(static_cast<std::size_t>(head_bytes_), memory),
      parts_(static_cast<std::size_t>(num_parts)),
      used_(head_bytes_) {}

void BytePack::reset() {
  used_ = head_bytes_;
  for (Part& part : parts_) part.size = 0;
}

std::uint8_t* BytePack::add(std::int64_t part, std::int64_t n) {
  Part& p = parts_[static_cast<std::size_t>(part)];
  p.size = n;
  p.offset = used_.fetch_add(aligned(n));
  if (p.offset + n <= static_cast<std::int64_t>(memory_.size())) return memory_.data() + p.offset;
  p.spare.resize(static_cast<std::size_t>(n));
  return p.spare.data();
}

std::int64_t BytePack::seal() {
  const std::int64_t total = used_, held = static_cast<std::int64_t>(memory_.size());
  // A tenth more: batches differ a little, and this is to happen in the first few only.
  if (total > held) memory_.resize(static_cast<std::size_t>(aligned(total + total / 10)));
  for (Part& p : parts_) {
    if (p.offset + p.size <= held || p.size == 0) continue;
    std::copy_n(p.spare.data(), p.size, memory_.data() + p.offset);
    p.spare = {};
  }
  return total;
}

}  // namespace sslrun::data
