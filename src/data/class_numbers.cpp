#include "data/class_numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace sslrun::data {

namespace {

constexpr std::size_t kMostDigits = 6;

bool is_number(std::string_view label) {
  return !label.empty() && label.size() <= kMostDigits &&
         label.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

ClassNumbers::ClassNumbers(const std::set<std::string>& labels)
    : words_(!std::all_of(labels.begin(), labels.end(), is_number)) {
  std::int64_t count = 0;
  for (const std::string& label : labels) {
    const std::int64_t number = words_ ? count : std::stoll(label);
    numbers_.emplace(label, number);
    count = std::max(count, number + 1);
  }
  if (words_) {
    names_.assign(labels.begin(), labels.end());
  } else {
    for (std::int64_t k = 0; k < count; ++k) names_.push_back(fmt::format("{}", k));
  }
}

}  // namespace sslrun::data
