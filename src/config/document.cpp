#include "config/document.h"

#include "config/expand.h"
#include "config/override.h"
#include "config/parse.h"
#include "config/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <utility>

namespace sslrun::config {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBase = "base";

[[noreturn]] void refuse(std::vector<Diagnostic> found, Diagnostic last) {
  found.push_back(std::move(last));
  throw ConfigError(std::move(found));
}

// The file's bytes, one more than the limit at most; "" and `why` if it cannot be read.
std::string read_bounded(const fs::path& path, std::string& why) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    why = "it is a folder";
    return {};
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string bytes(kMaxBytes + 1, '\0');
  if (file) file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file.is_open() || file.bad()) {
    why = errno != 0 ? std::strerror(errno) : "reading stopped";
    return {};
  }
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  return bytes;
}

// `over` on top of `under`.
void merge(Node& under, Node over) {
  if (!under.is_map() || !over.is_map()) {
    under = std::move(over);
    return;
  }
  under.span = over.span;
  for (Entry& entry : over.entries) {
    if (Entry* same = under.find(entry.key)) {
      same->key_span = entry.key_span;
      merge(same->value, std::move(entry.value));
    } else {
      under.entries.push_back(std::move(entry));
    }
  }
}

class Loader {
 public:
  Document load(const fs::path& path, const Span& asked_at) {
    std::error_code no_name;  // a pipe has none: it cannot be its own base either
    fs::path real = fs::weakly_canonical(path, no_name);
    if (no_name) real = path;
    if (std::find(open_.begin(), open_.end(), real) != open_.end()) {
      std::string chain;
      for (const fs::path& p : open_) chain += p.filename().string() + " -> ";
      refuse(found_,
             {"E0014",
              asked_at,
              std::string(kBase),
              "a recipe must not start from itself, got " + chain + real.filename().string(),
              "remove one of these base lines"});
    }
    std::string why;
    std::string text = read_bounded(path, why);
    if (!why.empty()) {
      const char* help = open_.empty() ? "" : "base is relative to the file that names it";
      const std::string what = fmt::format("'{}' must be a readable file: {}", path.string(), why);
      refuse(found_, {"E0001", asked_at, open_.empty() ? "" : std::string(kBase), what, help});
    }
    open_.push_back(real);
    Node root = parse(path.string(), std::move(text));
    open_.pop_back();
    return {std::move(root), found_};
  }

  // A text and its base files.
  Node parse(const std::string& name, std::string text) {
    auto source = std::make_shared<Source>();
    source->name = name;
    source->text = std::move(text);
    Node root = parse_yaml(source, 0, found_);
    if (!root.is_map()) {
      const Span at = root.span.source ? root.span : Span{source, 0, 0, 1};
      refuse(found_,
             {"E0011",
              at,
              "",
              "a recipe must be a mapping of keys, got " + root.describe(),
              "write 'key: value' lines"});
    }
    const auto base = std::find_if(
        root.entries.begin(), root.entries.end(), [](const Entry& e) { return e.key == kBase; });
    if (base == root.entries.end()) return root;
    const Node value = base->value;
    root.entries.erase(base);
    if (!value.is_scalar()) {
      refuse(found_,
             {"E0014",
              value.span,
              std::string(kBase),
              "must be the path of a recipe, got " + value.describe(),
              ""});
    }
    std::string other = value.text;
    if (const auto problem = expand(other, true)) {
      refuse(found_, {problem->code, value.span, std::string(kBase), problem->what, problem->help});
    }
    Node under = load((fs::path(name).parent_path() / other).lexically_normal(), value.span).root;
    merge(under, std::move(root));
    return under;
  }

  Document finish(Node root, std::span<const std::string> overrides) {
    for (const std::string& argument : overrides) apply_override(root, argument, found_);
    return {std::move(root), std::move(found_)};
  }

 private:
  std::vector<Diagnostic> found_;
  std::vector<fs::path> open_;  // the files that are being loaded, outermost first
};

}  // namespace

Document load_document(const fs::path& path, std::span<const std::string> overrides) {
  Loader loader;
  auto source = std::make_shared<Source>();
  source->name = path.string();
  Document document = loader.load(path, Span{source, 0, 0, 1});
  return loader.finish(std::move(document.root), overrides);
}

Document parse_document(const std::string& name,
                        std::string text,
                        std::span<const std::string> overrides) {
  Loader loader;
  Node root = loader.parse(name, std::move(text));
  return loader.finish(std::move(root), overrides);
}

std::vector<Diagnostic> find_mistakes(const Document& document, const Body& body) {
  return find_mistakes(document.root, document.found, body);
}

void read(const Document& document, const Body& body) {
  read_document(document.root, document.found, body);
}

const Node* find_path(const Node& root, std::string_view path) {
  std::vector<Segment> segments;
  std::size_t bad = 0;
  if (!parse_path(path, segments, bad)) return nullptr;
  const Node* at = &root;
  for (const Segment& s : segments) {
    if (s.key.empty()) {
      if (!at->is_list() || s.index >= at->items.size()) return nullptr;
      at = &at->items[s.index];
    } else {
      const Entry* entry = at->find(s.key);
      if (!entry) return nullptr;
      at = &entry->value;
    }
  }
  return at;
}

Span place_of(const Node& root, std::string_view path) {
  while (!path.empty()) {
    if (const Node* node = find_path(root, path)) return node->span;
    const std::size_t dot = path.rfind('.');
    path = dot == path.npos ? std::string_view() : path.substr(0, dot);
  }
  return root.span;
}

}  // namespace sslrun::config
