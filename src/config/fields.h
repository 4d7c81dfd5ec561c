// The visitor of a config struct's keys. A struct names each key once, in its bind(); the visitor
// reads it from YAML, writes it, or documents it. Not a template: one virtual call per key keeps
// headers light.
#pragma once
#include "config/component.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sslrun::config {

/// Real numbers that a key accepts; NaN never is. open_min, open_max: the bound itself is refused.
struct RealRange {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool open_min = false;
  bool open_max = false;

  bool contains(double v) const;
  /// "> 0", ">= 0 and <= 1", or "finite" where there are no bounds.
  std::string text() const;
};

/// Whole numbers that a key accepts, bounds included.
struct IntRange {
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::int64_t max = std::numeric_limits<std::int64_t>::max();

  bool contains(std::int64_t v) const { return v >= min && v <= max; }

  std::string text() const;
};

class Fields;
using Body = std::function<void(Fields&)>;
using ItemBody = std::function<void(Fields&, std::size_t)>;
using Choices = std::span<const std::string_view>;

/// Visits the keys of one mapping. `value` holds the default before reading and the value after it;
/// a key that is absent or wrong leaves it as it was. doc: one line, lower case, no full stop.
class Fields {
 public:
  virtual ~Fields() = default;

  virtual void real(std::string_view key, double& value, RealRange range, std::string_view doc) = 0;
  virtual void integer(std::string_view key,
                       std::int64_t& value,
                       IntRange range,
                       std::string_view doc) = 0;
  /// A whole number or `auto` (nothing).
  virtual void integer_or_auto(std::string_view key,
                               std::optional<std::int64_t>& value,
                               IntRange range,
                               std::string_view doc) = 0;
  /// A number or `auto` (nothing).
  virtual void real_or_auto(std::string_view key,
                            std::optional<double>& value,
                            RealRange range,
                            std::string_view doc) = 0;
  virtual void boolean(std::string_view key, bool& value, std::string_view doc) = 0;
  /// Text; ${env:NAME} and ${env:NAME,default} are expanded.
  virtual void text(std::string_view key, std::string& value, std::string_view doc) = 0;
  /// Text whose leading ~ is the home folder; relative to the current folder.
  virtual void path(std::string_view key, std::string& value, std::string_view doc) = 0;
  virtual void choice(std::string_view key,
                      std::string& value,
                      Choices choices,
                      std::string_view doc) = 0;
  /// [low, high] with low <= high.
  virtual void range(std::string_view key,
                     std::array<double, 2>& value,
                     RealRange range,
                     std::string_view doc) = 0;
  virtual void reals(std::string_view key,
                     std::vector<double>& value,
                     RealRange range,
                     std::string_view doc) = 0;

  /// A mapping of its own keys.
  virtual void section(std::string_view key, std::string_view doc, const Body& body) = 0;
  /// A section that `key: false` turns off and `key: true` turns on with its defaults.
  virtual void optional_section(std::string_view key,
                                bool& present,
                                std::string_view doc,
                                const Body& body) = 0;
  /// A list of mappings. current: items that the struct holds; body(fields, i) makes item i where
  /// the struct lacks it.
  virtual void list(std::string_view key,
                    std::string_view doc,
                    std::size_t current,
                    const ItemBody& body) = 0;

  /// A mapping whose `name_key` chooses from the registry; the other keys are the component's own
  /// and those of `common`.
  virtual void component(std::string_view key,
                         std::string_view name_key,
                         NamedComponent& value,
                         Registry registry,
                         std::string_view doc,
                         const Body& common) = 0;
  /// A list of components: `- name: {keys}`, `- name: value` for one with a shorthand, or `- name`.
  virtual void components(std::string_view key,
                          std::vector<NamedComponent>& value,
                          Registry registry,
                          std::string_view doc) = 0;

  /// A value or a list in place of this mapping stands for {key: value}. Call it before the
  /// mapping's keys.
  virtual void shorthand(std::string_view key) = 0;
  /// The key has no default: its absence is a mistake. Call it before the key.
  virtual void required(std::string_view key) = 0;
  /// A rule between keys, reported at `key` (or below it: "train.batch_size", "ops[1]"). Call it after the
  /// keys; it is skipped where `key`, something below it, or a plain value beside it is already
  /// wrong. what: "must be ...".
  virtual void check(std::string_view key,
                     bool holds,
                     std::string_view what,
                     std::string_view help) = 0;

  /// A component without common keys.
  void component(std::string_view key,
                 std::string_view name_key,
                 NamedComponent& value,
                 Registry registry,
                 std::string_view doc) {
    component(key, name_key, value, registry, doc, Body());
  }
};

}  // namespace sslrun::config
