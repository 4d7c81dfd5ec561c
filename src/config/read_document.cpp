#include "config/nearest.h"
#include "config/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace sslrun::config {

void sort_diagnostics(std::vector<Diagnostic>& found) {
  std::vector<const Source*> order;
  for (const bool overrides : {false, true}) {
    for (const Diagnostic& d : found) {
      const Source* source = d.span.source.get();
      if ((source && source->is_override) != overrides) continue;
      if (std::find(order.begin(), order.end(), source) == order.end()) order.push_back(source);
    }
  }
  const auto rank = [&](const Diagnostic& d) {
    return std::find(order.begin(), order.end(), d.span.source.get()) - order.begin();
  };
  std::stable_sort(found.begin(), found.end(), [&](const Diagnostic& a, const Diagnostic& b) {
    return std::make_tuple(rank(a), a.span.line, a.span.column) <
           std::make_tuple(rank(b), b.span.line, b.span.column);
  });
}

namespace {

Diagnostic unknown_key(const ReadState& state, const ReadState::Unknown& u) {
  const std::string key = u.scope.empty() ? u.key : u.scope + "." + u.key;
  std::string help;
  const std::string near = nearest(u.key, u.known);
  const auto elsewhere = state.scopes_of.find(u.key);
  if (!near.empty()) {
    help = fmt::format("did you mean {}?", near);
  } else if (elsewhere != state.scopes_of.end()) {
    const std::string& scope = elsewhere->second.front();
    help = scope.empty() ? fmt::format("{} belongs at the top level, without indentation", u.key)
                         : fmt::format("{} belongs under {}", u.key, scope);
  }
  const std::string note =
      u.known.empty() ? "this mapping has no keys" : "the keys here are " + join(u.known);
  return {"E0101", u.span, key, "unknown key", help, note};
}

}  // namespace

std::vector<Diagnostic> find_mistakes(const Node& root,
                                      std::vector<Diagnostic> found,
                                      const Body& body) {
  ReadState state;
  state.found = std::move(found);
  Reader reader(state, &root, root.span, "");
  body(reader);
  reader.finish();
  for (const ReadState::Unknown& u : state.unknown) state.found.push_back(unknown_key(state, u));
  sort_diagnostics(state.found);
  return std::move(state.found);
}

void read_document(const Node& root, std::vector<Diagnostic> found, const Body& body) {
  found = find_mistakes(root, std::move(found), body);
  if (!found.empty()) throw ConfigError(std::move(found));
}

}  // namespace sslrun::config
