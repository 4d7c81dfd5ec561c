#pragma once
#include <string>
#include <string_view>

namespace sslrun::recipe {

/// A recipe to start from: the method with its defaults on a ResNet-50 and 224 x 224 views, every
/// key with its meaning beside it. data.train is left to the user.
/// errors    UsageError for a method that there is not.
std::string starting_recipe(std::string_view method);

/// JSON Schema (draft 2020-12) of a recipe, indented, for editors.
std::string recipe_schema();

}  // namespace sslrun::recipe
