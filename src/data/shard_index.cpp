#include "data/shard_index.h"

#include "base/error.h"
#include "data/image_file.h"
#include "image/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>

namespace sslrun::data {

namespace {

constexpr std::int64_t kMostLabelBytes = 256;

std::string_view last_part(std::string_view name) {
  return name.substr(name.rfind('/') + 1);  // npos + 1 is 0
}

bool is_image(const TarMember& member) {
  return looks_like_image(member.name,
                          std::as_bytes(std::span(member.head))
                              .first(std::min(member.head.size(), image::kSniffBytes)));
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks(" \t\r\n\0", 5);
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// Puts members of one key together.
class Grouping {
 public:
  explicit Grouping(const std::string& shard) : shard_(shard) {}

  void add(const TarMember& member) {
    const std::string_view last = last_part(member.name);
    if (last.empty() || last.front() == '.') return;
    const std::string_view key = key_of(member.name);
    if (key != key_) {
      close();
      key_ = key;
    }
    const std::string_view ending = std::string_view(member.name).substr(key.size());
    if (ending == ".cls") take_label(member);
    if (ending == ".cls" || ending == ".txt" || ending == ".json") {
      if (text_.empty()) text_ = member.name;
    } else if (is_image(member)) {
      append(member.name, member.offset, member.size);
    }
  }

  ShardIndex take() {
    close();
    return std::move(index_);
  }

 private:
  void take_label(const TarMember& member) {
    const std::string_view label = trimmed(member.head);
    if (label_ != ShardIndex::kNoLabel)
      throw DataError(
          fmt::format("'{}' holds two labels for one image: '{}'", shard_, member.name));
    if (static_cast<std::int64_t>(member.head.size()) < std::min(member.size, kMostLabelBytes))
      throw DataError(fmt::format("'{}' ends inside '{}': it was cut", shard_, member.name));
    if (label.empty() || member.size > kMostLabelBytes) {
      throw DataError(fmt::format("'{}': a class must have 1 to {} bytes, got {} in '{}'",
                                  shard_,
                                  kMostLabelBytes,
                                  label.empty() ? 0 : member.size,
                                  member.name));
    }
    const auto next = static_cast<std::int32_t>(index_.labels.size());
    const auto [place, is_new] = numbers_.emplace(label, next);
    if (is_new) index_.labels.emplace_back(label);
    label_ = place->second;
  }

  void append(std::string_view name, std::int64_t offset, std::int64_t size) {
    index_.images.push_back({offset, size, ShardIndex::kNoLabel});
    index_.names.add(name);
  }

  void close() {
    if (first_ == index_.images.size() && !text_.empty()) append(text_, 0, ShardIndex::kNoImage);
    for (; first_ < index_.images.size(); ++first_) index_.images[first_].label = label_;
    text_.clear();
    label_ = ShardIndex::kNoLabel;
  }

  const std::string& shard_;
  ShardIndex index_;
  std::unordered_map<std::string, std::int32_t> numbers_;
  std::string key_, text_;  // of the key that is being read
  std::int32_t label_ = ShardIndex::kNoLabel;
  std::size_t first_ = 0;  // its first image
};

}  // namespace

std::string_view key_of(std::string_view name) {
  const std::size_t last = name.rfind('/') + 1;
  return name.substr(0, name.find('.', last));
}

ShardIndex index_shard(TarReader& reader, const std::string& shard) {
  Grouping grouping(shard);
  while (const std::optional<TarMember> member = reader.next()) grouping.add(*member);
  return grouping.take();
}

}  // namespace sslrun::data
