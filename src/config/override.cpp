#include "config/override.h"

#include "config/parse.h"

#include <fmt/format.h>

#include <cctype>
#include <charconv>
#include <memory>
#include <utility>

namespace sslrun::config {
namespace {

constexpr std::string_view kFlag = "--set ";

bool is_key_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
}

// Makes `at` ready to take a key: nothing becomes a mapping, and so does the bare name of an
// operation.
bool open_mapping(Node& at, const std::string& key) {
  const bool bare_name = at.is_scalar() && at.text == key;
  if (!at.is_null() && !bare_name) return at.is_map();
  Node map;
  map.kind = Node::Kind::kMap;
  map.span = at.span;
  if (bare_name) {
    Node none;
    none.span = at.span;
    map.entries.push_back({key, at.span, std::move(none)});
  }
  at = std::move(map);
  return true;
}

}  // namespace

bool parse_path(std::string_view path, std::vector<Segment>& segments, std::size_t& bad) {
  std::size_t i = 0;
  while (i < path.size()) {
    bad = i;
    Segment s;
    if (path[i] == '[') {
      s.first = i;
      const char* end = path.data() + path.size();
      const auto [stop, error] = std::from_chars(path.data() + i + 1, end, s.index);
      if (segments.empty() || error != std::errc() || stop == end || *stop != ']') return false;
      i = static_cast<std::size_t>(stop - path.data()) + 1;
    } else {
      if (!segments.empty() && path[i++] != '.') return false;
      s.first = bad = i;
      while (i < path.size() && is_key_character(path[i])) s.key += path[i++];
      if (s.key.empty()) return false;
    }
    s.length = i - s.first;
    segments.push_back(std::move(s));
  }
  bad = i;
  return !segments.empty();
}

void apply_override(Node& root, const std::string& argument, std::vector<Diagnostic>& found) {
  auto source = std::make_shared<Source>();
  source->text = std::string(kFlag) + argument;
  source->name = source->text;
  source->is_override = true;
  const auto span = [&](std::size_t first, std::size_t length) {
    return Span{source, 1, static_cast<int>(kFlag.size() + first) + 1, static_cast<int>(length)};
  };

  const std::size_t equals = argument.find('=');
  const std::string_view path = std::string_view(argument).substr(0, equals);
  std::vector<Segment> segments;
  std::size_t bad = 0;
  const char* rule = "an override must be a.b[0].c=value";
  if (!parse_path(path, segments, bad)) {
    found.push_back({"E0401",
                     span(bad, 1),
                     "",
                     fmt::format("{}, got '{}'", rule, argument),
                     "e.g. --set optimizer.lr=0.1"});
    return;
  }
  if (equals == std::string::npos) {
    found.push_back({"E0401",
                     span(argument.size(), 1),
                     std::string(path),
                     fmt::format("{}, got no '='", rule),
                     fmt::format("--set {}=...", path)});
    return;
  }

  Node value;
  bool parsed = true;
  const std::size_t before = found.size();
  try {
    value = parse_yaml(source, kFlag.size() + equals + 1, found);
  } catch (const ConfigError&) {
    parsed = false;  // the parser has added why
  }
  for (std::size_t i = before; i < found.size();
       ++i) {  // the parser knows the place in the value alone
    const char* dot = found[i].key.empty() || found[i].key[0] == '[' ? "" : ".";
    found[i].key = fmt::format("{}{}{}", path, dot, found[i].key);
  }
  if (!parsed) return;
  if (!value.span.source) value.span = span(equals + 1, 1);

  Node* at = &root;
  for (const Segment& s : segments) {
    const std::string upto(path.substr(0, s.first > 0 && !s.key.empty() ? s.first - 1 : s.first));
    const Span here = span(s.first, s.length);
    if (s.key.empty()) {
      if (!at->is_list()) {
        found.push_back({"E0403",
                         here,
                         upto,
                         "must be a list to take an index, got " + at->describe(),
                         "",
                         ""});
        return;
      }
      if (s.index >= at->items.size()) {
        const std::string what =
            fmt::format("the index must be below {}, got {}", at->items.size(), s.index);
        found.push_back({"E0402", here, upto, what, "indices count from 0", ""});
        return;
      }
      at = &at->items[s.index];
      continue;
    }
    if (!open_mapping(*at, s.key)) {
      const std::string help = at->is_list()
                                   ? "give an index: [0]"
                                   : fmt::format("give the whole of it: --set {}={{...}}", upto);
      found.push_back({"E0403",
                       here,
                       upto,
                       "must be a mapping to take a key, got " + at->describe(),
                       help,
                       ""});
      return;
    }
    Entry* entry = at->find(s.key);
    if (!entry) {
      Node none;
      none.span = here;
      at->entries.push_back({s.key, here, std::move(none)});
      entry = &at->entries.back();
    }
    at = &entry->value;
  }
  *at = std::move(value);
}

}  // namespace sslrun::config
