#include "config/writer.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sslrun::config {
namespace {

using Json = nlohmann::ordered_json;

class JsonWriter final : public Fields {
 public:
  using Fields::component;

  Json take() { return std::move(out_); }

  void real(std::string_view key, double& value, RealRange, std::string_view) override {
    set(key, value);
  }

  void integer(std::string_view key, std::int64_t& value, IntRange, std::string_view) override {
    set(key, value);
  }

  void integer_or_auto(std::string_view key,
                       std::optional<std::int64_t>& value,
                       IntRange,
                       std::string_view) override {
    set(key, value ? Json(*value) : Json("auto"));
  }

  void real_or_auto(std::string_view key,
                    std::optional<double>& value,
                    RealRange,
                    std::string_view) override {
    set(key, value ? Json(*value) : Json("auto"));
  }

  void boolean(std::string_view key, bool& value, std::string_view) override { set(key, value); }

  void text(std::string_view key, std::string& value, std::string_view) override {
    set(key, value);
  }

  void path(std::string_view key, std::string& value, std::string_view) override {
    set(key, value);
  }

  void choice(std::string_view key, std::string& value, Choices, std::string_view) override {
    set(key, value);
  }

  void range(std::string_view key,
             std::array<double, 2>& value,
             RealRange,
             std::string_view) override {
    set(key, value);
  }

  void reals(std::string_view key,
             std::vector<double>& value,
             RealRange,
             std::string_view) override {
    set(key, value);
  }

  void section(std::string_view key, std::string_view, const Body& body) override {
    set(key, nested(body));
  }

  void optional_section(std::string_view key,
                        bool& present,
                        std::string_view,
                        const Body& body) override {
    set(key, present ? nested(body) : Json(false));
  }

  void list(std::string_view key,
            std::string_view,
            std::size_t current,
            const ItemBody& body) override {
    Json items = Json::array();
    for (std::size_t i = 0; i < current; ++i)
      items.push_back(nested([&](Fields& fields) { body(fields, i); }));
    set(key, std::move(items));
  }

  void component(std::string_view key,
                 std::string_view name_key,
                 NamedComponent& value,
                 Registry registry,
                 std::string_view,
                 const Body& common) override {
    if (value.name.empty()) return;
    if (!value.config) value = make_component(registry, value.name);
    set(key, nested([&](Fields& fields) {
          fields.text(name_key, value.name, "");
          value.config->bind(fields);
          if (common) common(fields);
        }));
  }

  void components(std::string_view key,
                  std::vector<NamedComponent>& value,
                  Registry registry,
                  std::string_view) override {
    Json items = Json::array();
    for (NamedComponent& one : value) {
      if (!one.config) one = make_component(registry, one.name);
      Json item = Json::object();
      item[one.name] = nested([&](Fields& fields) { one.config->bind(fields); });
      items.push_back(std::move(item));
    }
    set(key, std::move(items));
  }

  void shorthand(std::string_view) override {}

  void required(std::string_view) override {}

  void check(std::string_view, bool, std::string_view, std::string_view) override {}

 private:
  static Json nested(const Body& body) {
    JsonWriter inner;
    body(inner);
    return inner.take();
  }

  void set(std::string_view key, Json value) { out_[std::string(key)] = std::move(value); }

  Json out_ = Json::object();
};

}  // namespace

Json write_json(const Body& body) {
  JsonWriter writer;
  body(writer);
  return writer.take();
}

}  // namespace sslrun::config
