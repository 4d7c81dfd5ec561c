// A YAML value with the place it came from.
#pragma once
#include "config/diagnostic.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sslrun::config {

struct Entry;

struct Node {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  std::string text;     // of a scalar, unescaped
  bool quoted = false;  // a quoted or block scalar: text, whatever it looks like
  Span span;
  std::vector<Node> items;     // of a list
  std::vector<Entry> entries;  // of a mapping, in the order of the text, without duplicates

  bool is_map() const { return kind == Kind::kMap; }

  bool is_list() const { return kind == Kind::kList; }

  bool is_scalar() const { return kind == Kind::kScalar; }

  bool is_null() const { return kind == Kind::kNull; }

  /// The entry of a mapping called `key`, or null (for other kinds too).
  const Entry* find(std::string_view key) const;
  Entry* find(std::string_view key);

  /// What the value is, for a message: "the text 'abc'", "the number 3", "a list", "a mapping",
  /// "nothing".
  std::string describe() const;
};

struct Entry {
  std::string key;
  Span key_span;
  Node value;
};

/// The scalars of YAML 1.2's core schema; a quoted scalar is none of them.
bool parse_bool(const Node& node, bool& value);
bool parse_integer(const Node& node, std::int64_t& value);
bool parse_real(const Node& node, double& value);

}  // namespace sslrun::config
