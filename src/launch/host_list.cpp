#include "launch/host_list.h"

#include "base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>

namespace sslrun::launch {
namespace {

constexpr std::size_t kMaxHosts = 1'000'000;
constexpr std::size_t kMaxDigits = 9;

class Parser {
 public:
  explicit Parser(std::string_view list) : list_(list) {}

  std::vector<std::string> hosts() {
    std::vector<std::string> all;
    do {
      std::vector<std::string> some = pattern();
      require(all.size() + some.size() <= kMaxHosts, "stand for at most 1000000 hosts");
      std::move(some.begin(), some.end(), std::back_inserter(all));
    } while (take(','));
    require(at_ == list_.size(), "hold a ']' only behind its '['");
    return all;
  }

 private:
  /// One entry of the list: text and brackets up to the next comma.
  std::vector<std::string> pattern() {
    std::vector<std::string> names{""};
    const std::size_t start = at_;
    while (at_ < list_.size() && list_[at_] != ',' && list_[at_] != ']') {
      if (take('[')) {
        names = product(names, numbers());
        require(take(']'), "close every '['");
      } else {
        for (std::string& name : names) name += list_[at_];
        ++at_;
      }
    }
    require(at_ > start, "have a name between its commas");
    return names;
  }

  std::vector<std::string> product(const std::vector<std::string>& heads,
                                   const std::vector<std::string>& tails) const {
    require(heads.size() * tails.size() <= kMaxHosts, "stand for at most 1000000 hosts");
    std::vector<std::string> out;
    out.reserve(heads.size() * tails.size());
    for (const std::string& head : heads)
      for (const std::string& tail : tails) out.push_back(head + tail);
    return out;
  }

  /// The inside of a bracket: "01-03,07".
  std::vector<std::string> numbers() {
    std::vector<std::string> out;
    do {
      const std::string_view first = digits();
      const std::string_view last = take('-') ? digits() : first;
      const std::int64_t low = value(first), high = value(last);
      require(low <= high, "count upwards within a bracket");
      require(out.size() + static_cast<std::size_t>(high - low) < kMaxHosts,
              "stand for at most 1000000 hosts");
      for (std::int64_t n = low; n <= high; ++n)
        out.push_back(fmt::format("{:0{}}", n, first.size()));
    } while (take(','));
    return out;
  }

  std::string_view digits() {
    const std::size_t start = at_;
    while (at_ < list_.size() && list_[at_] >= '0' && list_[at_] <= '9') ++at_;
    require(at_ > start && at_ - start <= kMaxDigits,
            "have numbers of 1 to 9 digits in its brackets");
    return list_.substr(start, at_ - start);
  }

  static std::int64_t value(std::string_view text) {
    std::int64_t n = 0;
    std::from_chars(text.data(), text.data() + text.size(), n);
    return n;
  }

  bool take(char c) {
    if (at_ == list_.size() || list_[at_] != c) return false;
    ++at_;
    return true;
  }

  void require(bool holds, std::string_view what) const {
    if (holds) return;
    throw UsageError(
        fmt::format("the host list '{}' must {} (character {})", list_, what, at_ + 1));
  }

  std::string_view list_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<std::string> expand_host_list(std::string_view list) {
  return Parser(list).hosts();
}

}  // namespace sslrun::launch
