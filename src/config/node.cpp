#include "config/node.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <system_error>

namespace sslrun::config {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool looks_real(std::string_view s) {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t first = i;
    while (i < s.size() && is_digit(s[i])) ++i;
    return i - first;
  };
  if (i < s.size() && (s[i] == '-' || s[i] == '+')) ++i;
  const std::size_t whole = digits();
  std::size_t part = 0;
  if (i < s.size() && s[i] == '.') {
    ++i;
    part = digits();
  }
  if (whole + part == 0) return false;
  if (i < s.size() && (s[i] == 'e' || s[i] == 'E')) {
    ++i;
    if (i < s.size() && (s[i] == '-' || s[i] == '+')) ++i;
    if (digits() == 0) return false;
  }
  return i == s.size();
}

bool whole(std::string_view s, int base, std::int64_t& value) {
  if (s.empty()) return false;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value, base);
  return error == std::errc() && end == s.data() + s.size();
}

std::string shorten(std::string_view text) {
  constexpr std::size_t kMost = 60;
  return text.size() <= kMost ? std::string(text) : std::string(text.substr(0, kMost)) + "...";
}

}  // namespace

const Entry* Node::find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

Entry* Node::find(std::string_view key) {
  return const_cast<Entry*>(static_cast<const Node*>(this)->find(key));
}

std::string Node::describe() const {
  double number = 0;
  bool truth = false;
  switch (kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a mapping";
    case Kind::kScalar:
      break;
  }
  if (parse_real(*this, number)) return "the number " + text;
  if (parse_bool(*this, truth)) return text;
  return fmt::format("the text '{}'", shorten(text));
}

bool parse_bool(const Node& node, bool& value) {
  if (!node.is_scalar() || node.quoted) return false;
  const std::string& s = node.text;
  const bool yes = s == "true" || s == "True" || s == "TRUE";
  if (!yes && s != "false" && s != "False" && s != "FALSE") return false;
  value = yes;
  return true;
}

bool parse_integer(const Node& node, std::int64_t& value) {
  if (!node.is_scalar() || node.quoted) return false;
  std::string_view s = node.text;
  const bool has_base = s.starts_with("0x") || s.starts_with("0o");
  if (has_base && s.size() > 2 && s[2] == '-') return false;
  if (has_base) return whole(s.substr(2), s[1] == 'x' ? 16 : 8, value);
  if (s.starts_with('+')) {
    s.remove_prefix(1);
    if (s.starts_with('-')) return false;
  }
  return whole(s, 10, value);
}

bool parse_real(const Node& node, double& value) {
  if (!node.is_scalar() || node.quoted) return false;
  std::int64_t integer = 0;
  if (parse_integer(node, integer)) {
    value = static_cast<double>(integer);
    return true;
  }
  std::string_view s = node.text;
  const bool negative = s.starts_with('-');
  const std::string_view unsigned_part = negative || s.starts_with('+') ? s.substr(1) : s;
  if (unsigned_part == ".inf" || unsigned_part == ".Inf" || unsigned_part == ".INF") {
    value = (negative ? -1 : 1) * std::numeric_limits<double>::infinity();
    return true;
  }
  if (s == ".nan" || s == ".NaN" || s == ".NAN") {
    value = std::numeric_limits<double>::quiet_NaN();
    return true;
  }
  if (!looks_real(s)) return false;
  if (s.starts_with('+')) s.remove_prefix(1);
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
  if (error == std::errc::result_out_of_range) {  // too large, or too small to tell from 0
    value = s.find("e-") == s.npos && s.find("E-") == s.npos
                ? std::numeric_limits<double>::infinity()
                : 0.0;
    return true;
  }
  return error == std::errc();
}

}  // namespace sslrun::config
