#include "config/writer.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace sslrun::config {
namespace {

using Json = nlohmann::ordered_json;

Json number_schema(const RealRange& range) {
  Json s{{"type", "number"}};
  if (std::isfinite(range.min)) s[range.open_min ? "exclusiveMinimum" : "minimum"] = range.min;
  if (std::isfinite(range.max)) s[range.open_max ? "exclusiveMaximum" : "maximum"] = range.max;
  return s;
}

Json integer_schema(const IntRange& range) {
  Json s{{"type", "integer"}};
  if (range.min != IntRange().min) s["minimum"] = range.min;
  if (range.max != IntRange().max) s["maximum"] = range.max;
  return s;
}

class SchemaWriter final : public Fields {
 public:
  using Fields::component;

  // The schema of the mapping; with a shorthand, of what may stand in its place too.
  Json take() {
    Json object{{"type", "object"}, {"properties", properties_}};
    if (!required_.empty()) object["required"] = required_;
    object["additionalProperties"] = false;
    if (shorthand_.empty()) return object;
    return {{"anyOf", Json::array({properties_[shorthand_], std::move(object)})}};
  }

  void real(std::string_view key, double& value, RealRange range, std::string_view doc) override {
    set(key, number_schema(range), doc, value);
  }

  void integer(std::string_view key,
               std::int64_t& value,
               IntRange range,
               std::string_view doc) override {
    set(key, integer_schema(range), doc, value);
  }

  void integer_or_auto(std::string_view key,
                       std::optional<std::int64_t>& value,
                       IntRange range,
                       std::string_view doc) override {
    Json s{{"anyOf", Json::array({integer_schema(range), Json{{"const", "auto"}}})}};
    set(key, std::move(s), doc, value ? Json(*value) : Json("auto"));
  }

  void real_or_auto(std::string_view key,
                    std::optional<double>& value,
                    RealRange range,
                    std::string_view doc) override {
    Json s{{"anyOf", Json::array({number_schema(range), Json{{"const", "auto"}}})}};
    set(key, std::move(s), doc, value ? Json(*value) : Json("auto"));
  }

  void boolean(std::string_view key, bool& value, std::string_view doc) override {
    set(key, {{"type", "boolean"}}, doc, value);
  }

  void text(std::string_view key, std::string& value, std::string_view doc) override {
    set(key, {{"type", "string"}}, doc, value);
  }

  void path(std::string_view key, std::string& value, std::string_view doc) override {
    text(key, value, doc);
  }

  void choice(std::string_view key,
              std::string& value,
              Choices choices,
              std::string_view doc) override {
    Json names = Json::array();
    for (const std::string_view name : choices) names.push_back(std::string(name));
    set(key, {{"enum", std::move(names)}}, doc, value);
  }

  void range(std::string_view key,
             std::array<double, 2>& value,
             RealRange range,
             std::string_view doc) override {
    Json s{{"type", "array"}, {"items", number_schema(range)}, {"minItems", 2}, {"maxItems", 2}};
    set(key, std::move(s), doc, value);
  }

  void reals(std::string_view key,
             std::vector<double>& value,
             RealRange range,
             std::string_view doc) override {
    set(key, {{"type", "array"}, {"items", number_schema(range)}}, doc, value);
  }

  void section(std::string_view key, std::string_view doc, const Body& body) override {
    set(key, nested(body), doc);
  }

  void optional_section(std::string_view key,
                        bool&,
                        std::string_view doc,
                        const Body& body) override {
    set(key, {{"anyOf", Json::array({nested(body), Json{{"type", "boolean"}}})}}, doc);
  }

  void list(std::string_view key,
            std::string_view doc,
            std::size_t,
            const ItemBody& body) override {
    set(key, {{"type", "array"}, {"items", nested([&](Fields& fields) { body(fields, 0); })}}, doc);
  }

  void component(std::string_view key,
                 std::string_view name_key,
                 NamedComponent&,
                 Registry registry,
                 std::string_view doc,
                 const Body& common) override {
    Json rows = Json::array();
    for (const ComponentSpec* spec : registry) {
      SchemaWriter inner;
      inner.set(name_key, {{"const", std::string(spec->name)}}, spec->summary);
      inner.required(name_key);
      spec->make()->bind(inner);
      if (common) common(inner);
      rows.push_back(inner.take());
    }
    set(key, {{"anyOf", std::move(rows)}}, doc);
  }

  void components(std::string_view key,
                  std::vector<NamedComponent>&,
                  Registry registry,
                  std::string_view doc) override {
    Json rows = Json::array();
    for (const ComponentSpec* spec : registry) {
      const std::string name(spec->name);
      SchemaWriter outer;
      outer.set(name, nested([&](Fields& fields) { spec->make()->bind(fields); }), spec->summary);
      outer.required(name);
      rows.push_back({{"const", name}});
      rows.push_back(outer.take());
    }
    set(key, {{"type", "array"}, {"items", {{"anyOf", std::move(rows)}}}}, doc);
  }

  void shorthand(std::string_view key) override { shorthand_ = key; }

  void required(std::string_view key) override { required_.emplace_back(key); }

  void check(std::string_view, bool, std::string_view, std::string_view) override {}

  void set(std::string_view key, Json schema, std::string_view doc, Json initial = nullptr) {
    if (!doc.empty()) schema["description"] = std::string(doc);
    const bool needed = std::find(required_.begin(), required_.end(), key) != required_.end();
    if (!initial.is_null() && !needed) schema["default"] = std::move(initial);
    properties_[std::string(key)] = std::move(schema);
  }

 private:
  static Json nested(const Body& body) {
    SchemaWriter inner;
    body(inner);
    return inner.take();
  }

  Json properties_ = Json::object();
  std::vector<std::string> required_;
  std::string shorthand_;
};

}  // namespace

Json write_schema(const Body& body, std::string_view title) {
  SchemaWriter writer;
  body(writer);
  std::string base;
  writer.text("base", base, "another recipe to start from, relative to this file; later keys win");
  Json schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
              {"title", std::string(title)}};
  schema.update(writer.take());
  return schema;
}

}  // namespace sslrun::config
