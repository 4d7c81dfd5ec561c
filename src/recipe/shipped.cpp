#include "recipe/shipped.h"

#include "base/env.h"
#include "base/error.h"
#include "base/file.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <system_error>
#include <utility>

namespace sslrun::recipe {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSource = "source:";

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// Reads summary and source from the comment lines at the top of the file.
void read_header(std::string_view text, ShippedRecipe& recipe) {
  while (text.starts_with('#')) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto trim = [&] {
      line.remove_prefix(std::min(line.find_first_not_of("# "), line.size()));
    };
    trim();
    if (recipe.summary.empty()) {
      recipe.summary = line;
    } else if (line.starts_with(kSource)) {
      line.remove_prefix(kSource.size());
      trim();
      recipe.source = line;
    }
  }
}

}  // namespace

fs::path configs_folder() {
  if (const auto given = env("SSLRUN_CONFIGS")) {
    if (!is_folder(*given))
      throw UsageError(fmt::format("SSLRUN_CONFIGS must name a folder, got '{}'", *given));
    return *given;
  }
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  fs::path installed = program.parent_path().parent_path() / "share" / "sslrun" / "configs";
  if (!program.empty() && is_folder(installed)) return installed;
  if (is_folder(SSLRUN_SOURCE_CONFIGS)) return SSLRUN_SOURCE_CONFIGS;
  throw StorageError(
      fmt::format("the shipped recipes must be in '{}'; set SSLRUN_CONFIGS to their folder",
                  installed.string()));
}

std::vector<ShippedRecipe> shipped_recipes(const fs::path& folder) {
  std::vector<ShippedRecipe> recipes;
  std::error_code error;
  for (fs::directory_iterator entries(folder, error); !error && entries != fs::directory_iterator();
       entries.increment(error)) {
    const fs::path& path = entries->path();
    if (path.extension() != ".yaml") continue;
    ShippedRecipe recipe;
    recipe.name = path.stem().string();
    recipe.path = path;
    read_header(read_file(path), recipe);
    recipes.push_back(std::move(recipe));
  }
  if (error)
    throw StorageError(
        fmt::format("cannot list the folder '{}': {}", folder.string(), error.message()));
  std::sort(
      recipes.begin(), recipes.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return recipes;
}

}  // namespace sslrun::recipe
