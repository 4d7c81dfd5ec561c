#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace sslrun::recipe {

/// A recipe that comes with the program. Its first comment line is the summary, its line "# source:
/// ..." the source.
struct ShippedRecipe {
  std::string name;  // file name without .yaml
  std::string summary, source;
  std::filesystem::path path;
};

/// The folder of the recipes that come with the program: $SSLRUN_CONFIGS where it is set, else
/// ../share/sslrun/configs beside the program's folder, else the source tree that it was built
/// from.
/// errors    UsageError where $SSLRUN_CONFIGS names no folder, StorageError where there is none at
///           all.
std::filesystem::path configs_folder();

/// The recipes of `folder` in the order of their names.
/// errors    StorageError where it cannot be read.
std::vector<ShippedRecipe> shipped_recipes(const std::filesystem::path& folder);

}  // namespace sslrun::recipe
