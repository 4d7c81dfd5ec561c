#include "config/reader.h"

#include "config/expand.h"
#include "config/nearest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace sslrun::config {
namespace {

std::string note_of(std::string_view doc) {
  return std::string(doc);
}

template <class T>
std::string note_of(const T& value, std::string_view doc) {
  return fmt::format("default {}; {}", value, doc);
}

std::string note_of_text(const std::string& value, std::string_view doc) {
  return value.empty() ? std::string(doc) : note_of(value, doc);
}

// 010 is 8 to some YAML readers and 10 to others.
bool has_leading_zero(std::string_view s) {
  if (s.starts_with('-') || s.starts_with('+')) s.remove_prefix(1);
  return s.size() > 1 && s[0] == '0' &&
         std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string number_help(const Node& node) {
  if (!node.is_scalar()) return "";
  Node plain = node;
  plain.quoted = false;
  double value = 0;
  if (node.quoted && parse_real(plain, value)) return "remove the quotes";
  std::erase_if(plain.text, [](char c) { return c == '_' || c == ',' || c == ' '; });
  if (plain.text != node.text && parse_real(plain, value)) return "write " + plain.text;
  if (node.text.find("${") != node.text.npos)
    return "environment variables expand in texts only; use --set for a number";
  return "";
}

std::string whole_help(const Node& node) {
  double value = 0;
  constexpr double kExact = 9007199254740992;  // 2^53
  if (parse_real(node, value) && std::floor(value) == value && std::abs(value) < kExact)
    return fmt::format("write {:.0f}", value);
  return number_help(node);
}

std::string text_help(const Node& node) {
  if (node.is_null())
    return node.text == "~" ? "write '~' in quotes" : "write '' for an empty text";
  return node.is_scalar() ? fmt::format("put it in quotes: '{}'", node.text) : "";
}

bool is_text(const Node& node) {
  double number = 0;
  bool truth = false;
  return node.is_scalar() && !parse_real(node, number) && !parse_bool(node, truth);
}

// "ops[0].blur" -> "ops".
std::string_view first_key(std::string_view path) {
  return path.substr(0, path.find_first_of(".["));
}

// The node at "a.b[2].c" below a mapping, or null.
const Node* find_below(const Node& from, std::string_view path) {
  const Node* at = &from;
  while (at && !path.empty()) {
    if (path.front() == '[') {
      const auto i = static_cast<std::size_t>(std::atoll(path.data() + 1));
      at = i < at->items.size() ? &at->items[i] : nullptr;
      path.remove_prefix(path.find(']') + 1);
    } else {
      const std::string_view key = first_key(path);
      const Entry* entry = at->find(key);
      at = entry ? &entry->value : nullptr;
      path.remove_prefix(key.size());
    }
    if (path.starts_with('.')) path.remove_prefix(1);
  }
  return at;
}

std::vector<std::string> names_of(Registry registry) {
  std::vector<std::string> names;
  for (const ComponentSpec* spec : registry) names.emplace_back(spec->name);
  return names;
}

bool is_auto(const Node& node) {
  return node.is_scalar() && !node.quoted && node.text == "auto";
}

}  // namespace

Reader::Reader(ReadState& state, const Node* node, Span at, std::string path, bool muted)
    : state_(state), node_(node), at_(std::move(at)), path_(std::move(path)), muted_(muted) {}

bool Reader::mapping() const {
  return !node_ || node_->is_map() || node_->is_null();
}

std::string Reader::join_path(std::string_view key) const {
  if (key.empty()) return path_;
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

void Reader::report(const char* code,
                    const Span& at,
                    std::string_view key,
                    std::string what,
                    std::string help,
                    std::string note) {
  wrong_keys_.emplace_back(first_key(key));
  state_.found.push_back(
      {code, at, join_path(key), std::move(what), std::move(help), std::move(note)});
}

const Node* Reader::take(std::string_view key, std::string_view doc) {
  const bool again = std::find(known_.begin(), known_.end(), key) != known_.end();
  if (!again) {
    known_.emplace_back(key);
    std::vector<std::string>& scopes = state_.scopes_of[std::string(key)];
    if (std::find(scopes.begin(), scopes.end(), path_) == scopes.end()) scopes.push_back(path_);
  }
  const Entry* entry = node_ ? node_->find(key) : nullptr;
  if (entry) return &entry->value;
  const bool needed = std::find(required_.begin(), required_.end(), key) != required_.end();
  if (needed && !muted_ && mapping())
    report("E0102", at_, key, "the key must be given, it has no default", "", std::string(doc));
  return nullptr;
}

const Node* Reader::take_block(std::string_view key, std::string_view doc) {
  blocks_.emplace_back(key);
  return take(key, doc);
}

bool Reader::number(const Node& node,
                    std::string_view key,
                    RealRange range,
                    bool or_auto,
                    const std::string& note,
                    double& value) {
  double v = 0;
  if (!parse_real(node, v)) {
    report("E0201",
           node.span,
           key,
           fmt::format("must be a number{}, got {}", or_auto ? " or auto" : "", node.describe()),
           number_help(node),
           note);
  } else if (has_leading_zero(node.text)) {
    report("E0205",
           node.span,
           key,
           "must be a number without leading zeros, got " + node.text,
           fmt::format("write {}", v),
           note);
  } else if (!range.contains(v)) {
    report("E0203",
           node.span,
           key,
           fmt::format("must be {}, got {}", range.text(), node.text),
           "",
           note);
  } else {
    value = v;
    return true;
  }
  return false;
}

bool Reader::whole(const Node& node,
                   std::string_view key,
                   IntRange range,
                   bool or_auto,
                   const std::string& note,
                   std::int64_t& value) {
  std::int64_t v = 0;
  const char* rule = or_auto ? "must be a whole number or auto" : "must be a whole number";
  if (!parse_integer(node, v)) {
    report("E0201",
           node.span,
           key,
           fmt::format("{}, got {}", rule, node.describe()),
           whole_help(node),
           note);
  } else if (has_leading_zero(node.text)) {
    report("E0205",
           node.span,
           key,
           "must be a number without leading zeros, got " + node.text,
           fmt::format("write {}, or 0o... for an octal number", v),
           note);
  } else if (!range.contains(v)) {
    report("E0203",
           node.span,
           key,
           fmt::format("must be {}, got {}", range.text(), node.text),
           "",
           note);
  } else {
    value = v;
    return true;
  }
  return false;
}

void Reader::real(std::string_view key, double& value, RealRange range, std::string_view doc) {
  if (const Node* node = take(key, doc))
    number(*node, key, range, false, note_of(value, doc), value);
}

void Reader::integer(std::string_view key,
                     std::int64_t& value,
                     IntRange range,
                     std::string_view doc) {
  if (const Node* node = take(key, doc))
    whole(*node, key, range, false, note_of(value, doc), value);
}

void Reader::integer_or_auto(std::string_view key,
                             std::optional<std::int64_t>& value,
                             IntRange range,
                             std::string_view doc) {
  const Node* node = take(key, doc);
  if (!node) return;
  if (is_auto(*node)) return value.reset();
  std::int64_t v = 0;
  if (whole(*node, key, range, true, note_of(value ? std::to_string(*value) : "auto", doc), v))
    value = v;
}

void Reader::real_or_auto(std::string_view key,
                          std::optional<double>& value,
                          RealRange range,
                          std::string_view doc) {
  const Node* node = take(key, doc);
  if (!node) return;
  if (is_auto(*node)) return value.reset();
  double v = 0;
  if (number(*node, key, range, true, note_of(value ? fmt::format("{}", *value) : "auto", doc), v))
    value = v;
}

void Reader::boolean(std::string_view key, bool& value, std::string_view doc) {
  const Node* node = take(key, doc);
  if (!node || parse_bool(*node, value)) return;
  std::string word = node->text;
  std::transform(word.begin(), word.end(), word.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? char(c + 32) : c;
  });
  std::string help;
  if (word == "yes" || word == "on" || word == "1" || word == "true") help = "write true";
  if (word == "no" || word == "off" || word == "0" || word == "false") help = "write false";
  report("E0201",
         node->span,
         key,
         "must be true or false, got " + node->describe(),
         help,
         note_of(value, doc));
}

bool Reader::string(std::string_view key,
                    bool with_home,
                    std::string_view doc,
                    const Node* node,
                    std::string& value) {
  if (!is_text(*node)) {
    report("E0201",
           node->span,
           key,
           "must be text, got " + node->describe(),
           text_help(*node),
           note_of_text(value, doc));
    return false;
  }
  std::string v = node->text;
  if (const auto problem = expand(v, with_home)) {
    report(problem->code, node->span, key, problem->what, problem->help, note_of_text(value, doc));
    return false;
  }
  value = std::move(v);
  return true;
}

void Reader::text(std::string_view key, std::string& value, std::string_view doc) {
  if (const Node* node = take(key, doc)) string(key, false, doc, node, value);
}

void Reader::path(std::string_view key, std::string& value, std::string_view doc) {
  if (const Node* node = take(key, doc)) string(key, true, doc, node, value);
}

bool Reader::chosen(const Node& node,
                    std::string_view key,
                    const std::vector<std::string>& names,
                    const std::string& note,
                    std::string& value) {
  std::string v;
  if (!string(key, false, note, &node, v)) return false;
  if (std::find(names.begin(), names.end(), v) == names.end()) {
    const std::string near = nearest(v, names);
    report("E0204",
           node.span,
           key,
           fmt::format("must be one of {}; got '{}'", join(names), v),
           near.empty() ? "" : fmt::format("did you mean {}?", near),
           note);
    return false;
  }
  value = std::move(v);
  return true;
}

void Reader::choice(std::string_view key,
                    std::string& value,
                    Choices choices,
                    std::string_view doc) {
  const Node* node = take(key, doc);
  if (node) chosen(*node, key, {choices.begin(), choices.end()}, note_of_text(value, doc), value);
}

void Reader::range(std::string_view key,
                   std::array<double, 2>& value,
                   RealRange range,
                   std::string_view doc) {
  const Node* node = take(key, doc);
  if (!node) return;
  const std::string note = note_of(fmt::format("[{}, {}]", value[0], value[1]), doc);
  if (!node->is_list() || node->items.size() != 2) {
    const std::string got =
        node->is_list() ? fmt::format("{} of them", node->items.size()) : node->describe();
    report("E0206", node->span, key, "must be two numbers [low, high], got " + got, "", note);
    return;
  }
  std::array<double, 2> v{};
  const bool low = number(node->items[0], key, range, false, note, v[0]);
  const bool high = number(node->items[1], key, range, false, note, v[1]);
  if (!low || !high) return;
  if (v[0] > v[1]) {
    report("E0206",
           node->span,
           key,
           fmt::format("low must be <= high, got [{}, {}]", v[0], v[1]),
           "swap the two",
           note);
    return;
  }
  value = v;
}

void Reader::reals(std::string_view key,
                   std::vector<double>& value,
                   RealRange range,
                   std::string_view doc) {
  const Node* node = take(key, doc);
  if (!node) return;
  if (!node->is_list()) {
    report("E0201",
           node->span,
           key,
           "must be a list of numbers, got " + node->describe(),
           node->is_scalar() ? fmt::format("write [{}]", node->text) : "",
           note_of(doc));
    return;
  }
  std::vector<double> v;
  bool ok = true;
  for (const Node& item : node->items)
    ok = number(item, key, range, false, note_of(doc), v.emplace_back()) && ok;
  if (ok) value = std::move(v);
}

void Reader::nested(std::string_view key, const Node* node, bool muted, const Body& body) {
  Reader inner(state_, node, node ? node->span : at_, join_path(key), muted);
  if (body) body(inner);
  inner.finish();
  if (inner.wrong()) wrong_keys_.emplace_back(first_key(key));
}

void Reader::section(std::string_view key, std::string_view doc, const Body& body) {
  const std::size_t before = state_.found.size();
  const Node* node = take_block(key, doc);
  nested(key, node, muted_ || state_.found.size() != before || !mapping(), body);
}

void Reader::optional_section(std::string_view key,
                              bool& present,
                              std::string_view doc,
                              const Body& body) {
  const Node* node = take_block(key, doc);
  if (!node) return nested(key, nullptr, true, body);
  bool on = false;
  if (parse_bool(*node, on)) {
    present = on;
    return nested(key, nullptr, !on, body);
  }
  if (!node->is_map()) {
    report("E0201",
           node->span,
           key,
           "must be a mapping, true or false, got " + node->describe(),
           fmt::format("'{}: false' turns it off", key),
           std::string(doc));
    return nested(key, nullptr, true, body);
  }
  present = true;
  nested(key, node, false, body);
}

void Reader::list(std::string_view key, std::string_view doc, std::size_t, const ItemBody& body) {
  const Node* node = take_block(key, doc);
  if (!node) return;
  if (!node->is_list()) {
    report("E0201",
           node->span,
           key,
           "must be a list, got " + node->describe(),
           "begin each item with '- '",
           std::string(doc));
    return;
  }
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    nested(fmt::format("{}[{}]", key, i), &node->items[i], false, [&](Fields& fields) {
      body(fields, i);
    });
  }
}

void Reader::component(std::string_view key,
                       std::string_view name_key,
                       NamedComponent& value,
                       Registry registry,
                       std::string_view doc,
                       const Body& common) {
  const std::size_t before = state_.found.size();
  const Node* node = take_block(key, doc);
  const bool missing = state_.found.size() != before;
  if (node && node->is_scalar()) {
    report("E0201",
           node->span,
           key,
           "must be a mapping, got " + node->describe(),
           fmt::format("write {}: {{{}: {}}}", key, name_key, node->text),
           std::string(doc));
    return;
  }
  if (!node && value.name.empty()) return;
  nested(key, node, muted_ || missing || !mapping(), [&](Fields& fields) {
    auto& inner = static_cast<Reader&>(fields);
    const std::vector<std::string> names = names_of(registry);
    std::string name = value.name;
    bool known = !name.empty();
    if (known) known = find_spec(registry, name) != nullptr;
    if (!known) inner.required(name_key);
    const Node* given = inner.take(name_key, fmt::format("one of {}", join(names)));
    if (given) known = inner.chosen(*given, name_key, names, std::string(doc), name);
    if (known) {
      if (node || !value.config) value = make_component(registry, name);
      value.config->bind(inner);
    }
    if (common) common(inner);
    if (!known && inner.mapping())
      inner.node_ = nullptr;  // the component's own keys cannot be told from mistakes
  });
}

bool Reader::operation(const Node& item,
                       std::string_view key,
                       Registry registry,
                       const std::string& note,
                       NamedComponent& value) {
  const bool one_key = item.is_map() && item.entries.size() == 1;
  if (!is_text(item) && !one_key) {
    const std::string got =
        item.is_map() ? fmt::format("a mapping of {} keys", item.entries.size()) : item.describe();
    const bool under = item.is_map() && !item.entries.empty() && item.entries[0].value.is_null();
    report("E0201",
           item.span,
           key,
           "must be a name or one 'name: {keys}', got " + got,
           under ? fmt::format("indent the keys of {} further than its name", item.entries[0].key)
                 : "",
           note);
    return false;
  }
  Node name;
  name.kind = Node::Kind::kScalar;
  name.quoted = true;
  name.text = one_key ? item.entries[0].key : item.text;
  name.span = one_key ? item.entries[0].key_span : item.span;
  std::string chosen_name;
  if (!chosen(name, key, names_of(registry), note, chosen_name)) return false;
  value = make_component(registry, chosen_name);
  const std::string path = fmt::format("{}.{}", key, chosen_name);
  nested(path, one_key ? &item.entries[0].value : nullptr, false, [&](Fields& fields) {
    value.config->bind(fields);
  });
  return true;
}

void Reader::components(std::string_view key,
                        std::vector<NamedComponent>& value,
                        Registry registry,
                        std::string_view doc) {
  const Node* node = take_block(key, doc);
  if (!node) return;
  if (!node->is_list()) {
    report("E0201",
           node->span,
           key,
           "must be a list, got " + node->describe(),
           "begin each item with '- '",
           std::string(doc));
    return;
  }
  std::vector<NamedComponent> v;
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    NamedComponent one;
    if (operation(node->items[i], fmt::format("{}[{}]", key, i), registry, std::string(doc), one))
      v.push_back(std::move(one));
  }
  value = std::move(v);
}

void Reader::shorthand(std::string_view key) {
  if (mapping()) return;
  expanded_ = Node();
  expanded_.kind = Node::Kind::kMap;
  expanded_.span = node_->span;
  expanded_.entries.push_back({std::string(key), node_->span, *node_});
  node_ = &expanded_;
}

void Reader::required(std::string_view key) {
  required_.emplace_back(key);
}

void Reader::check(std::string_view key, bool holds, std::string_view what, std::string_view help) {
  const auto decides = [&](const std::string& wrong) {
    return wrong == first_key(key) ||
           std::find(blocks_.begin(), blocks_.end(), wrong) == blocks_.end();
  };
  if (holds || muted_ || std::any_of(wrong_keys_.begin(), wrong_keys_.end(), decides)) return;
  const Node* at = node_ ? find_below(*node_, key) : nullptr;
  std::string said(what);
  if (at && at->is_scalar()) said += ", got " + at->text;
  report("E0207", at ? at->span : at_, key, std::move(said), std::string(help), "");
}

void Reader::finish() {
  if (!node_) return;
  if (!mapping()) {
    report("E0201",
           node_->span,
           "",
           "must be a mapping, got " + node_->describe(),
           "write 'key: value' lines, indented below it",
           "");
    return;
  }
  for (const Entry& entry : node_->entries) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
    state_.unknown.push_back({entry.key_span, path_, entry.key, known_});
  }
}

}  // namespace sslrun::config
