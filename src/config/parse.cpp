#include "config/parse.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

namespace sslrun::config {
namespace {

std::size_t count_nodes(const Node& node) {
  std::size_t n = 1;
  for (const Node& item : node.items) n += count_nodes(item);
  for (const Entry& entry : node.entries) n += count_nodes(entry.value) + 1;
  return n;
}

std::size_t height(const Node& node) {
  std::size_t h = 0;
  for (const Node& item : node.items) h = std::max(h, height(item));
  for (const Entry& entry : node.entries) h = std::max(h, height(entry.value));
  return node.is_list() || node.is_map() ? h + 1 : 0;
}

// Builds the tree from yaml-cpp's events, so that the limits hold while the text is read.
class Builder final : public YAML::EventHandler {
 public:
  Builder(std::shared_ptr<const Source> source, std::size_t first, std::vector<Diagnostic>& found)
      : source_(std::move(source)), first_(first), found_(found) {}

  Node take() { return std::move(root_); }

  Span span(const YAML::Mark& mark, std::size_t length = 1) const {
    const int shift = mark.line == 0 ? static_cast<int>(first_) : 0;
    return {source_,
            mark.line + 1,
            mark.column + 1 + shift,
            static_cast<int>(std::max<std::size_t>(length, 1))};
  }

  [[noreturn]] void refuse(const char* code, Span at, std::string what, std::string help) {
    found_.push_back({code, std::move(at), path(), std::move(what), std::move(help)});
    throw ConfigError(found_);
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      refuse("E0007",
             span(mark),
             "a file must hold one document, got a second one",
             "remove the line '---' and what follows");
    }
  }

  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.span = span(mark);
    begin(node.span);
    remember(anchor, node);
    add(std::move(node));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) {
      refuse("E0010",
             span(mark),
             "an alias must not stand inside the value that it repeats",
             "write the value out");
    }
    num_nodes_ += count_nodes(known->second);
    check_size(span(mark));
    check_depth(span(mark), stack_.size() + height(known->second));
    add(known->second);
  }

  void OnScalar(const YAML::Mark& mark,
                const std::string& tag,
                YAML::anchor_t anchor,
                const std::string& value) override {
    Node node;
    node.kind = Node::Kind::kScalar;
    node.text = value;
    node.quoted = tag == "!";
    node.span = span(mark, value.size() + (node.quoted ? 2 : 0));
    begin(node.span);
    check_tag(node.span, tag);
    remember(anchor, node);
    add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark,
                       const std::string& tag,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::kList, mark, tag, anchor);
  }

  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::kMap, mark, tag, anchor);
  }

  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Node node;
    YAML::anchor_t anchor = 0;
    std::optional<Node> key{};  // of a mapping, while its value is awaited
  };

  // Where the parser stands: "data.train", "augmentations[0].ops".
  std::string path() const {
    std::string s;
    for (const Frame& frame : stack_) {
      if (frame.node.is_list()) s += fmt::format("[{}]", frame.node.items.size());
      if (frame.key) s += (s.empty() ? "" : ".") + frame.key->text;
    }
    return s;
  }

  void begin(const Span& at) {
    ++num_nodes_;
    check_size(at);
  }

  void check_size(const Span& at) {
    if (num_nodes_ <= kMaxNodes) return;
    refuse("E0005",
           at,
           fmt::format("a recipe must have at most {} values", kMaxNodes),
           "aliases count as what they stand for");
  }

  void check_depth(const Span& at, std::size_t depth) {
    if (depth <= kMaxDepth) return;
    refuse("E0004", at, fmt::format("values must nest at most {} deep", kMaxDepth), "");
  }

  void check_tag(const Span& at, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    found_.push_back({"E0013",
                      at,
                      path(),
                      fmt::format("a value must have no tag, got '{}'", tag),
                      "remove the tag"});
  }

  void open(Node::Kind kind,
            const YAML::Mark& mark,
            const std::string& tag,
            YAML::anchor_t anchor) {
    Frame frame;
    frame.node.kind = kind;
    frame.node.span = span(mark);
    frame.anchor = anchor;
    begin(frame.node.span);
    check_depth(frame.node.span, stack_.size() + 1);
    check_tag(frame.node.span, tag);
    stack_.push_back(std::move(frame));
  }

  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    remember(frame.anchor, frame.node);
    add(std::move(frame.node));
  }

  void remember(YAML::anchor_t anchor, const Node& node) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
  }

  void add(Node node) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& top = stack_.back();
    if (top.node.is_list()) {
      top.node.items.push_back(std::move(node));
    } else if (!top.key) {
      if (!node.is_scalar())
        refuse("E0012", node.span, "a key must be text, got " + node.describe(), "");
      top.key = std::move(node);
    } else {
      add_entry(top, std::move(node));
    }
  }

  void add_entry(Frame& top, Node value) {
    const bool left_out = value.is_null() && value.span.line != top.key->span.line;
    if (left_out) value.span = top.key->span;  // yaml-cpp places it at the next token
    const Entry* same = top.node.find(top.key->text);
    if (top.key->text == "<<" && !top.key->quoted) {
      found_.push_back(
          {"E0009",
           top.key->span,
           path(),
           "merge keys are not part of YAML 1.2",
           "write the keys out, or start from another recipe with 'base: other.yaml'"});
    } else if (same) {
      found_.push_back({"E0008",
                        top.key->span,
                        path(),
                        "a key must appear once in its mapping",
                        "remove one of the two",
                        fmt::format("the other one is at {}", same->key_span.place())});
    } else {
      top.node.entries.push_back({top.key->text, top.key->span, std::move(value)});
    }
    top.key.reset();
  }

  std::shared_ptr<const Source> source_;
  std::size_t first_;
  std::vector<Diagnostic>& found_;
  Node root_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Node> anchors_;
  std::size_t num_nodes_ = 0;
  int documents_ = 0;
};

// Length of the UTF-8 sequence at the start of s, or 0 if it is malformed (overlong and surrogates
// included).
std::size_t sequence(std::string_view s) {
  const auto byte = [&](std::size_t i) {
    return i < s.size() ? static_cast<unsigned char>(s[i]) : 0u;
  };
  const unsigned b0 = byte(0), b1 = byte(1);
  const auto more = [&](std::size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  if (b0 < 0x80) return 1;
  if (b0 >= 0xC2 && b0 <= 0xDF) return more(1) ? 2 : 0;
  if (b0 >= 0xE0 && b0 <= 0xEF) {
    const bool ok = more(1) && more(2) && !(b0 == 0xE0 && b1 < 0xA0) && !(b0 == 0xED && b1 > 0x9F);
    return ok ? 3 : 0;
  }
  if (b0 >= 0xF0 && b0 <= 0xF4) {
    const bool ok =
        more(1) && more(2) && more(3) && !(b0 == 0xF0 && b1 < 0x90) && !(b0 == 0xF4 && b1 > 0x8F);
    return ok ? 4 : 0;
  }
  return 0;
}

void check_characters(Builder& builder, std::string_view text) {
  YAML::Mark mark;
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const std::size_t length = sequence(text.substr(i));
    if (length == 0) {
      builder.refuse("E0006",
                     builder.span(mark),
                     fmt::format("the text must be UTF-8, got the byte 0x{:02x}", c),
                     "save the file as UTF-8");
    }
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) {
      builder.refuse("E0006",
                     builder.span(mark),
                     fmt::format("the text must hold no control characters, got 0x{:02x}", c),
                     "is this a recipe? save it as UTF-8 text");
    }
    mark.column += static_cast<int>(length);
    if (c == '\n') {
      ++mark.line;
      mark.column = 0;
    }
    i += length;
  }
}

std::string syntax_help(std::string_view line) {
  if (line.find('\t') != line.npos) return "indent with spaces, not tabs";
  if (line.find("${") != line.npos)
    return "inside {...} and [...], put a text with ${env:NAME} in quotes";
  if (line.find('"') != line.npos && line.find('\\') != line.npos)
    return "write paths with \\ in single quotes";
  return "a text with ': ', ' #' or one of []{},&*!|>'\"%@` at its start needs quotes";
}

}  // namespace

Node parse_yaml(const std::shared_ptr<const Source>& source,
                std::size_t first,
                std::vector<Diagnostic>& found) {
  Builder builder(source, first, found);
  std::string text = source->text.substr(std::min(first, source->text.size()));
  if (text.size() > kMaxBytes) {
    builder.refuse("E0003",
                   {source, 0, 0},
                   fmt::format("a recipe must be at most {} bytes, got {}", kMaxBytes, text.size()),
                   "is this the right file?");
  }
  check_characters(builder, text);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& e) {
    const Span at = builder.span(e.mark);
    builder.refuse(
        "E0002", at, "the text must be YAML: " + e.msg, syntax_help(source->line(at.line)));
  }
  return builder.take();
}

}  // namespace sslrun::config
