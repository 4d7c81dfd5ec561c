// What a bind() can write: YAML with comments, JSON, a JSON schema.
#pragma once
#include "config/fields.h"
#include "config/node.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

namespace sslrun::config {

enum class Comments {
  kNone,
  kDocs,     // what each key means, and its choices
  kOrigins,  // where each value came from: "recipe.yaml:12:3", "--set a.b=c" or "default"
};

/// The struct's values as YAML that reads back to the same struct, one key a line, "\n" at the end.
/// origins: the tree that the struct was read from, for Comments::kOrigins.
std::string write_yaml(const Body& body,
                       Comments comments = Comments::kDocs,
                       const Node* origins = nullptr);

/// The struct's values as JSON, keys in the order of bind().
nlohmann::ordered_json write_json(const Body& body);

/// A JSON schema (draft 2020-12) of what the reader accepts, with the defaults of the struct. The
/// struct is changed: lists that are empty get an item.
nlohmann::ordered_json write_schema(const Body& body, std::string_view title);

}  // namespace sslrun::config
