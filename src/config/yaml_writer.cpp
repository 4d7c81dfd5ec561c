#include "config/document.h"
#include "config/writer.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>

namespace sslrun::config {
namespace {

std::string quote(const std::string& text) {
  Node node;
  node.kind = Node::Kind::kScalar;
  node.text = text;
  double number = 0;
  bool truth = false;
  const auto safe = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '/' || c == '-' || c == '+';
  };
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), safe) &&
                     text[0] != '-' && text[0] != '.' && !parse_real(node, number) &&
                     !parse_bool(node, truth) && text != "null" && text != "Null" && text != "NULL";
  return plain ? text : nlohmann::json(text).dump();
}

class YamlWriter final : public Fields {
 public:
  using Fields::component;

  YamlWriter(Comments comments, const Node* origins, std::size_t indent, std::string path)
      : comments_(comments), origins_(origins), indent_(indent), path_(std::move(path)) {}

  const std::string& out() const { return out_; }

  void real(std::string_view key, double& value, RealRange, std::string_view doc) override {
    line(key, fmt::format("{}", value), doc);
  }

  void integer(std::string_view key, std::int64_t& value, IntRange, std::string_view doc) override {
    line(key, std::to_string(value), doc);
  }

  void integer_or_auto(std::string_view key,
                       std::optional<std::int64_t>& value,
                       IntRange,
                       std::string_view doc) override {
    line(key, value ? std::to_string(*value) : "auto", doc);
  }

  void real_or_auto(std::string_view key,
                    std::optional<double>& value,
                    RealRange,
                    std::string_view doc) override {
    line(key, value ? fmt::format("{}", *value) : "auto", doc);
  }

  void boolean(std::string_view key, bool& value, std::string_view doc) override {
    line(key, value ? "true" : "false", doc);
  }

  void text(std::string_view key, std::string& value, std::string_view doc) override {
    line(key, quote(value), doc);
  }

  void path(std::string_view key, std::string& value, std::string_view doc) override {
    line(key, quote(value), doc);
  }

  void choice(std::string_view key,
              std::string& value,
              Choices choices,
              std::string_view doc) override {
    line(key,
         quote(value),
         fmt::format("{} ({})", doc, fmt::join(choices.begin(), choices.end(), " | ")));
  }

  void range(std::string_view key,
             std::array<double, 2>& value,
             RealRange,
             std::string_view doc) override {
    line(key, fmt::format("[{}, {}]", value[0], value[1]), doc);
  }

  void reals(std::string_view key,
             std::vector<double>& value,
             RealRange,
             std::string_view doc) override {
    line(key, fmt::format("[{}]", fmt::join(value, ", ")), doc);
  }

  void section(std::string_view key, std::string_view doc, const Body& body) override {
    block(key, doc, nested(indent_ + 2, key, body), "{}");
  }

  void optional_section(std::string_view key,
                        bool& present,
                        std::string_view doc,
                        const Body& body) override {
    if (present) return section(key, doc, body);
    line(key, "false", doc);
  }

  void list(std::string_view key,
            std::string_view doc,
            std::size_t current,
            const ItemBody& body) override {
    std::string items;
    for (std::size_t i = 0; i < current; ++i) {
      items += item(nested(
          indent_ + 4, fmt::format("{}[{}]", key, i), [&](Fields& fields) { body(fields, i); }));
    }
    block(key, doc, items, "[]");
  }

  void component(std::string_view key,
                 std::string_view name_key,
                 NamedComponent& value,
                 Registry registry,
                 std::string_view doc,
                 const Body& common) override {
    std::vector<std::string_view> names;
    for (const ComponentSpec* spec : registry) names.push_back(spec->name);
    const std::string choices = fmt::format("one of {}", fmt::join(names, ", "));
    if (value.name.empty()) {
      out_ += fmt::format("{}# {}: {{{}: ...}}  # {}; {}\n",
                          std::string(indent_, ' '),
                          key,
                          name_key,
                          doc,
                          choices);
      return;
    }
    if (!value.config) value = make_component(registry, value.name);
    section(key, doc, [&](Fields& fields) {
      fields.text(name_key, value.name, choices);
      value.config->bind(fields);
      if (common) common(fields);
    });
  }

  void components(std::string_view key,
                  std::vector<NamedComponent>& value,
                  Registry registry,
                  std::string_view doc) override {
    std::string items;
    for (std::size_t i = 0; i < value.size(); ++i) {
      NamedComponent& one = value[i];
      if (!one.config) one = make_component(registry, one.name);
      const std::string at = fmt::format("{}[{}].{}", key, i, one.name);
      const std::string keys =
          nested(indent_ + 6, at, [&](Fields& fields) { one.config->bind(fields); });
      items += fmt::format(
          "{}- {}{}\n{}", std::string(indent_ + 2, ' '), one.name, keys.empty() ? "" : ":", keys);
    }
    block(key, doc, items, "[]");
  }

  void shorthand(std::string_view key) override { shorthand_ = key; }

  void required(std::string_view) override {}

  void check(std::string_view, bool, std::string_view, std::string_view) override {}

 private:
  std::string join_path(std::string_view key) const {
    return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
  }

  std::string nested(std::size_t indent, std::string_view key, const Body& body) const {
    YamlWriter inner(comments_, origins_, indent, join_path(key));
    body(inner);
    return inner.out();
  }

  // A mapping at indent_ + 4 as an item of a list at indent_ + 2.
  std::string item(std::string lines) const {
    if (lines.empty()) return std::string(indent_ + 2, ' ') + "- {}\n";
    lines[indent_ + 2] = '-';
    return lines;
  }

  std::string origin(std::string_view key) const {
    if (!origins_) return "default";
    const Node* node = find_path(*origins_, join_path(key));
    if (!node && shorthand_ == key) {
      node = find_path(*origins_, path_);
      if (node && (node->is_map() || node->is_null())) node = nullptr;
    }
    return node ? node->span.place() : "default";
  }

  void line(std::string_view key, std::string_view value, std::string_view doc) {
    out_ += fmt::format("{}{}: {}", std::string(indent_, ' '), key, value);
    if (comments_ == Comments::kDocs && !doc.empty()) out_ += fmt::format("  # {}", doc);
    if (comments_ == Comments::kOrigins) out_ += fmt::format("  # {}", origin(key));
    out_ += '\n';
  }

  void block(std::string_view key,
             std::string_view doc,
             const std::string& lines,
             std::string_view empty) {
    if (lines.empty()) return line(key, empty, doc);
    out_ += fmt::format("{}{}:", std::string(indent_, ' '), key);
    if (comments_ == Comments::kDocs && !doc.empty()) out_ += fmt::format("  # {}", doc);
    out_ += '\n' + lines;
  }

  Comments comments_;
  const Node* origins_;
  std::size_t indent_;
  std::string path_, out_, shorthand_;
};

}  // namespace

std::string write_yaml(const Body& body, Comments comments, const Node* origins) {
  YamlWriter writer(comments, origins, 0, "");
  body(writer);
  return writer.out();
}

}  // namespace sslrun::config
