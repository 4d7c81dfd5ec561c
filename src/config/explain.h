#pragma once
#include <span>
#include <string_view>

namespace sslrun::config {

/// What a diagnostic's code means. text: a paragraph for `sslrun explain E0203`.
struct Explanation {
  std::string_view code, title, text;
};

/// Every code, in order; codes are never reused.
std::span<const Explanation> explanations();

/// The row of `code`, or null.
const Explanation* explain(std::string_view code);

}  // namespace sslrun::config
