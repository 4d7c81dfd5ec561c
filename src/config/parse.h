// YAML text -> Node, strictly: what yaml-cpp would let pass in silence is reported.
#pragma once
#include "config/diagnostic.h"
#include "config/node.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sslrun::config {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxNodes = 10000;  // aliases count as what they stand for
constexpr std::size_t kMaxDepth = 64;

/// Parses the part of source->text that begins at byte `first` of its first line (0 for a file).
/// Duplicate keys, merge keys and tags are added to `found`; the first of two equal keys stands.
/// Throws ConfigError where no tree can be made: bad UTF-8, control characters, malformed YAML,
/// several documents, an alias of itself, and texts over the limits.
Node parse_yaml(const std::shared_ptr<const Source>& source,
                std::size_t first,
                std::vector<Diagnostic>& found);

}  // namespace sslrun::config
