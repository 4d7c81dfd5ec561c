#pragma once
#include "config/component.h"

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sslrun::config {

struct RealRange {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool open_min = false;  // true: min itself is refused

  bool contains(double v) const { return (open_min ? v > min : v >= min) && v <= max; }  // false for NaN
};

struct IntRange {
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
};

/// Visits the fields of one mapping. The same bind() reads YAML, prints defaults and writes the schema, so a key is declared
/// once. Not a template: one virtual call per key keeps headers light. The value passed in is the default.
class Fields {
 public:
  using Body = std::function<void(Fields&)>;

  virtual ~Fields() = default;
  virtual void real(std::string_view key, double& value, RealRange range, std::string_view doc) = 0;
  virtual void integer(std::string_view key, std::int64_t& value, IntRange range, std::string_view doc) = 0;
  virtual void integer_or_auto(std::string_view key, std::optional<std::int64_t>& value, IntRange range, std::string_view doc) = 0;
  virtual void boolean(std::string_view key, bool& value, std::string_view doc) = 0;
  virtual void text(std::string_view key, std::string& value, std::string_view doc) = 0;
  /// A path; ~ and ${env:NAME} are expanded; relative to the current folder.
  virtual void path(std::string_view key, std::string& value, std::string_view doc) = 0;
  virtual void choice(std::string_view key, std::string& value, std::span<const std::string_view> choices, std::string_view doc) = 0;
  /// [low, high] with low <= high, both in `range`.
  virtual void range(std::string_view key, std::array<double, 2>& value, RealRange range, std::string_view doc) = 0;
  virtual void reals(std::string_view key, std::vector<double>& value, RealRange range, std::string_view doc) = 0;
  virtual void section(std::string_view key, std::string_view doc, const Body& body) = 0;
  virtual void optional_section(std::string_view key, bool& present, std::string_view doc, const Body& body) = 0;
  /// A mapping whose key `name_key` chooses the component, beside that component's own keys.
  virtual void component(std::string_view key, std::string_view name_key, NamedComponent& value, Registry registry, std::string_view doc) = 0;
  /// A list; an item is `name: {keys}`, `name: scalar` (see shorthand) or a bare `name`.
  virtual void components(std::string_view key, std::vector<NamedComponent>& value, Registry registry, std::string_view doc) = 0;
  /// A list of mappings; body is called once per item, with its index.
  virtual void list(std::string_view key, std::string_view doc, std::size_t size, const std::function<void(Fields&, std::size_t)>& body) = 0;
  /// A scalar or list in place of this mapping means this key.
  virtual void shorthand(std::string_view key) = 0;
  /// The key must be given.
  virtual void required(std::string_view key) = 0;
  /// A condition over several keys, reported at `key`.
  virtual void check(std::string_view key, bool holds, std::string_view what, std::string_view help) = 0;
};

}  // namespace sslrun::config
