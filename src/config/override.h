#pragma once
#include "config/diagnostic.h"
#include "config/node.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sslrun::config {

/// One step of "a.b[0].c".
struct Segment {
  std::string key;  // empty: an index
  std::size_t index = 0;
  std::size_t first = 0, length = 0;  // bytes of the path's text
};

/// The steps of a path; false if it is malformed, `bad` is then the byte where.
bool parse_path(std::string_view path, std::vector<Segment>& segments, std::size_t& bad);

/// Applies one `a.b[0].c=value` of --set to the tree, or adds to `found` why it cannot.
void apply_override(Node& root, const std::string& argument, std::vector<Diagnostic>& found);

}  // namespace sslrun::config
