// A recipe's text with all that it starts from: the file, its `base` files, the overrides of the
// command line.
#pragma once
#include "config/diagnostic.h"
#include "config/fields.h"
#include "config/node.h"

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sslrun::config {

struct Document {
  Node root;                      // a mapping; every value knows where it came from
  std::vector<Diagnostic> found;  // mistakes that left a tree to go on with
};

/// Loads `path`, merges it over its `base` (mappings key by key, later keys win, lists replace
/// lists) and applies the overrides "a.b[0].c=value" in order, the value in YAML; a mapping given
/// there replaces the one before it. Throws ConfigError where a file cannot be read or parsed, or
/// where `base` makes a circle.
Document load_document(const std::filesystem::path& path,
                       std::span<const std::string> overrides = {});

/// The same for a text in memory; name: what diagnostics call it; its `base` is relative to the
/// folder of name.
Document parse_document(const std::string& name,
                        std::string text,
                        std::span<const std::string> overrides = {});

/// Reads the document through body(fields) and returns every mistake of the document and of its
/// values.
std::vector<Diagnostic> find_mistakes(const Document& document, const Body& body);

/// Reads the document through body(fields) and throws ConfigError with every mistake of the
/// document and of its values.
void read(const Document& document, const Body& body);

/// The value at a dotted path, "augmentations[0].ops[1]", or null.
const Node* find_path(const Node& root, std::string_view path);

/// Where to report a mistake of the value at a dotted path: there, or at the nearest mapping around
/// it where the text does not give it.
Span place_of(const Node& root, std::string_view path);

}  // namespace sslrun::config
