// YAML -> config structs, with every mistake found in one pass.
#pragma once
#include "config/diagnostic.h"
#include "config/fields.h"
#include "config/node.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sslrun::config {

/// What the readers of all mappings of one document share.
struct ReadState {
  struct Unknown {
    Span span;
    std::string scope, key;
    std::vector<std::string> known;  // keys of the same mapping
  };

  std::vector<Diagnostic> found;
  std::vector<Unknown> unknown;
  std::map<std::string, std::vector<std::string>, std::less<>>
      scopes_of;  // key -> mappings that have it
};

/// Reads one mapping. The scalars are those of YAML 1.2's core schema: `yes` is no boolean, "1" in
/// quotes is no number.
class Reader final : public Fields {
 public:
  using Fields::component;

  /// node: null where the mapping is absent. at: where a missing key is reported. path: "" for the
  /// document. muted: the absence of the mapping was reported already.
  Reader(ReadState& state, const Node* node, Span at, std::string path, bool muted = false);

  void real(std::string_view key, double& value, RealRange range, std::string_view doc) override;
  void integer(std::string_view key,
               std::int64_t& value,
               IntRange range,
               std::string_view doc) override;
  void integer_or_auto(std::string_view key,
                       std::optional<std::int64_t>& value,
                       IntRange range,
                       std::string_view doc) override;
  void real_or_auto(std::string_view key,
                    std::optional<double>& value,
                    RealRange range,
                    std::string_view doc) override;
  void boolean(std::string_view key, bool& value, std::string_view doc) override;
  void text(std::string_view key, std::string& value, std::string_view doc) override;
  void path(std::string_view key, std::string& value, std::string_view doc) override;
  void choice(std::string_view key,
              std::string& value,
              Choices choices,
              std::string_view doc) override;
  void range(std::string_view key,
             std::array<double, 2>& value,
             RealRange range,
             std::string_view doc) override;
  void reals(std::string_view key,
             std::vector<double>& value,
             RealRange range,
             std::string_view doc) override;
  void section(std::string_view key, std::string_view doc, const Body& body) override;
  void optional_section(std::string_view key,
                        bool& present,
                        std::string_view doc,
                        const Body& body) override;
  void list(std::string_view key,
            std::string_view doc,
            std::size_t current,
            const ItemBody& body) override;
  void component(std::string_view key,
                 std::string_view name_key,
                 NamedComponent& value,
                 Registry registry,
                 std::string_view doc,
                 const Body& common) override;
  void components(std::string_view key,
                  std::vector<NamedComponent>& value,
                  Registry registry,
                  std::string_view doc) override;
  void shorthand(std::string_view key) override;
  void required(std::string_view key) override;
  void check(std::string_view key,
             bool holds,
             std::string_view what,
             std::string_view help) override;

  /// Reports the keys that nobody asked for, and a value that is no mapping.
  void finish();

  /// Whether anything but an unknown key was reported here or below.
  bool wrong() const { return !wrong_keys_.empty(); }

 private:
  const Node* take(std::string_view key, std::string_view doc);
  const Node* take_block(std::string_view key, std::string_view doc);
  bool mapping() const;
  std::string join_path(std::string_view key) const;
  void report(const char* code,
              const Span& at,
              std::string_view key,
              std::string what,
              std::string help,
              std::string note);
  bool number(const Node& node,
              std::string_view key,
              RealRange range,
              bool or_auto,
              const std::string& note,
              double& value);
  bool whole(const Node& node,
             std::string_view key,
             IntRange range,
             bool or_auto,
             const std::string& note,
             std::int64_t& value);
  bool string(std::string_view key,
              bool with_home,
              std::string_view doc,
              const Node* node,
              std::string& value);
  bool chosen(const Node& node,
              std::string_view key,
              const std::vector<std::string>& names,
              const std::string& note,
              std::string& value);
  void nested(std::string_view key, const Node* node, bool muted, const Body& body);
  bool operation(const Node& item,
                 std::string_view key,
                 Registry registry,
                 const std::string& note,
                 NamedComponent& value);

  ReadState& state_;
  const Node* node_;
  Node expanded_;  // what a shorthand stands for
  Span at_;
  std::string path_;
  bool muted_;
  std::vector<std::string> known_, required_;
  std::vector<std::string> blocks_;      // keys whose values have keys of their own
  std::vector<std::string> wrong_keys_;  // keys with a mistake in them or below them
};

/// Reads the document `root` through `body` and returns every mistake, those already `found`
/// included, in the order of the text.
std::vector<Diagnostic> find_mistakes(const Node& root,
                                      std::vector<Diagnostic> found,
                                      const Body& body);

/// Reads the document `root` through `body` and throws ConfigError with every mistake, those
/// already `found` included.
void read_document(const Node& root, std::vector<Diagnostic> found, const Body& body);

/// Puts diagnostics in the order of the text: files as they come, overrides last.
void sort_diagnostics(std::vector<Diagnostic>& found);

}  // namespace sslrun::config
