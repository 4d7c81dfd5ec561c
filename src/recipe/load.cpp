#include "recipe/load.h"

#include "base/error.h"
#include "config/reader.h"
#include "config/writer.h"
#include "data/exclude.h"
#include "methods/method_config.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <xxhash.h>

#include <algorithm>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace sslrun::recipe {
namespace {

namespace fs = std::filesystem;

using config::Diagnostic;

bool has_labels(const data::Source* source) {
  return source && !source->labels().empty();
}

// Adds a mistake where data.train or data.val names nothing that is there. Skipped where the key is
// already wrong.
void check_exists(const config::Document& document,
                  const std::string& key,
                  const std::string& path,
                  std::vector<Diagnostic>& found) {
  const auto at_key = [&](const Diagnostic& d) { return d.key == key; };
  if (!config::find_path(document.root, key) || std::any_of(found.begin(), found.end(), at_key))
    return;
  std::error_code error;
  if (data::has_data(path, error)) return;
  std::string help;
  if (!fs::path(path).is_absolute()) {
    std::error_code ignored;
    help = fmt::format("a relative path starts at the current folder, '{}'",
                       fs::current_path(ignored).string());
  }
  const std::string why = error ? fmt::format(" ({})", error.message()) : "";
  found.push_back({"E0501",
                   config::place_of(document.root, key),
                   key,
                   fmt::format("must be a folder or file that exists, got '{}'{}", path, why),
                   std::move(help)});
}

std::unique_ptr<data::Source> open_half(const LoadedRecipe& loaded,
                                        const char* key,
                                        const std::string& path,
                                        data::Split split,
                                        std::vector<Diagnostic>& found) {
  try {
    return data::open_source(path, loaded.recipe.data.format, split, loaded.recipe.data.pixels());
  } catch (const DataError& e) {  // the user's way out is the recipe: say it there
    found.push_back({"E0501", config::place_of(loaded.document.root, key), key, e.what(), ""});
    return nullptr;
  }
}

void exclude_listed(const LoadedRecipe& loaded, OpenedData& data, std::vector<Diagnostic>& found) {
  try {
    data.train = data::exclude(std::move(data.train), loaded.recipe.data.exclude);
  } catch (const DataError& e) {
    found.push_back({"E0501",
                     config::place_of(loaded.document.root, "data.exclude"),
                     "data.exclude",
                     e.what(),
                     "sslrun data check --quarantine FILE writes such a list"});
  }
}

void check_at_most(const LoadedRecipe& loaded,
                   const char* key,
                   std::int64_t value,
                   std::int64_t num_images,
                   std::vector<Diagnostic>& found) {
  if (value <= num_images) return;
  found.push_back(
      {"E0502",
       config::place_of(loaded.document.root, key),
       key,
       fmt::format("must be at most the number of training images, {}, got {}", num_images, value),
       fmt::format("lower {} or give more images in data.train", key)});
}

void check_min_images(const LoadedRecipe& loaded,
                      std::int64_t num_images,
                      std::vector<Diagnostic>& found) {
  const methods::MethodConfig* const method = method_config(loaded.recipe);
  if (method == nullptr || method->min_images() <= num_images) return;
  found.push_back({"E0502",
                   config::place_of(loaded.document.root, "method"),
                   "method",
                   fmt::format("must need at most the number of training images, {}, but {} with "
                               "these keys needs {}",
                               num_images,
                               loaded.recipe.method.name,
                               method->min_images()),
                   "lower the method's numbers or give more images in data.train"});
}

// Class i must be the same in both halves; one may lack the other's last classes.
void check_classes(const LoadedRecipe& loaded,
                   const OpenedData& data,
                   std::vector<Diagnostic>& found) {
  const std::vector<std::string> train = data.train->class_names(), val = data.val->class_names();
  const std::size_t shared = std::min(train.size(), val.size());
  for (std::size_t i = 0; i < shared; ++i) {
    if (train[i] == val[i]) continue;
    found.push_back(
        {"E0503",
         config::place_of(loaded.document.root, "data.val"),
         "data.val",
         fmt::format("class {} must be that of data.train, '{}', got '{}'", i, train[i], val[i]),
         "give both the same class folders, or turn k-NN off with eval: {knn: false}",
         fmt::format("data.train has {} classes, data.val {}", train.size(), val.size())});
    return;
  }
}

// A method that learns from classes has them.
void check_labels(const LoadedRecipe& loaded,
                  const data::Source& train,
                  std::vector<Diagnostic>& found) {
  const methods::MethodConfig* const method = method_config(loaded.recipe);
  if (method == nullptr || !method->view_needs().labels || has_labels(&train)) return;
  found.push_back({"E0504",
                   config::place_of(loaded.document.root, "data.train"),
                   "data.train",
                   fmt::format("must have the images' classes for {}, got images without",
                               loaded.recipe.method.name),
                   "name a folder with a folder for each class, or take a method without labels"});
}

// Removes the keys that do not decide what is computed; data has its own fingerprint.
void erase_free_keys(nlohmann::json& recipe) {
  for (const char* key : {"eval", "checkpoint", "diagnostics"}) recipe.erase(key);
  if (recipe.contains("data")) {
    for (const char* key :
         {"train", "val", "format", "exclude", "max_bad_fraction", "cache", "cache_gb"})
      recipe["data"].erase(key);
  }
  if (recipe.contains("train")) {
    for (const char* key : {"workers", "on_nonfinite"}) recipe["train"].erase(key);
  }
}

// "/augmentations/0/views" as a recipe's user writes it: "augmentations[0].views".
std::string key_of(nlohmann::json::json_pointer place) {
  std::string key;
  for (; !place.empty(); place.pop_back()) {
    const std::string& part = place.back();
    const bool index = part.find_first_not_of("0123456789") == std::string::npos;
    const char* joint = key.empty() || key.front() == '[' ? "" : ".";
    key.insert(0, joint).insert(0, index ? fmt::format("[{}]", part) : part);
  }
  return key;
}

}  // namespace

LoadedRecipe load_recipe(const fs::path& path, std::span<const std::string> overrides) {
  LoadedRecipe loaded;
  loaded.name = path.stem().string();
  loaded.document = config::load_document(path, overrides);
  loaded.text = loaded.document.root.span.source->text;
  Recipe& recipe = loaded.recipe;
  const auto body = [&](config::Fields& f) { bind(f, recipe); };
  std::vector<Diagnostic> found = config::find_mistakes(loaded.document, body);
  check_exists(loaded.document, "data.train", recipe.data.train, found);
  if (!recipe.data.val.empty()) check_exists(loaded.document, "data.val", recipe.data.val, found);
  if (!recipe.data.exclude.empty())
    check_exists(loaded.document, "data.exclude", recipe.data.exclude, found);
  if (!found.empty()) {
    config::sort_diagnostics(found);
    throw config::ConfigError(std::move(found));
  }
  return loaded;
}

bool runs_knn(const Recipe& recipe, const OpenedData& data) {
  return recipe.has_knn && has_labels(data.train.get()) && has_labels(data.val.get());
}

OpenedData open_data(const LoadedRecipe& loaded) {
  const Recipe& recipe = loaded.recipe;
  std::vector<Diagnostic> found;
  OpenedData data;
  data.train = open_half(loaded, "data.train", recipe.data.train, data::Split::kTrain, found);
  if (data.train && !recipe.data.exclude.empty()) exclude_listed(loaded, data, found);
  if (!recipe.data.val.empty()) {
    data.val = open_half(loaded, "data.val", recipe.data.val, data::Split::kTest, found);
  }
  if (data.train) {
    check_at_most(loaded, "train.batch_size", recipe.train.batch_size, data.train->size(), found);
    check_labels(loaded, *data.train, found);
    check_min_images(loaded, data.train->size(), found);
  }
  if (runs_knn(recipe, data)) {
    check_at_most(loaded, "eval.knn.k", recipe.knn.k, data.train->size(), found);
    check_classes(loaded, data, found);
  }
  if (!found.empty()) {
    config::sort_diagnostics(found);
    throw config::ConfigError(std::move(found));
  }
  return data;
}

void require_ranks(const LoadedRecipe& loaded, std::int64_t ranks) {
  if (ranks == 1) return;
  const TrainConfig& train = loaded.recipe.train;
  std::vector<Diagnostic> found;
  const std::int64_t slices = ranks * train.accumulate, rest = train.batch_size % slices;
  if (rest != 0) {
    const std::int64_t below = train.batch_size - rest, above = below + slices;
    const std::string in_parts =
        train.accumulate == 1 ? "" : fmt::format(" times {} micro-batches", train.accumulate);
    found.push_back({"E0207",
                     config::place_of(loaded.document.root, "train.batch_size"),
                     "train.batch_size",
                     fmt::format("must be shared out evenly to {} processes{}, got {}",
                                 ranks,
                                 in_parts,
                                 train.batch_size),
                     fmt::format("{}{}, or another number of processes",
                                 below > 0 ? fmt::format("{} or ", below) : "",
                                 above)});
  }
  const methods::MethodConfig* const method = method_config(loaded.recipe);
  const std::string unfit = method ? method->ranks_problem(ranks) : "";
  if (!unfit.empty()) {
    found.push_back({"E0207",
                     config::place_of(loaded.document.root, "method"),
                     "method",
                     unfit,
                     "change it, or the number of processes"});
  }
  if (!found.empty()) throw config::ConfigError(std::move(found));
}

std::string resolved_yaml(const LoadedRecipe& loaded, bool origins) {
  Recipe recipe = loaded.recipe;
  const auto body = [&](config::Fields& f) { bind(f, recipe); };
  return config::write_yaml(
      body, origins ? config::Comments::kOrigins : config::Comments::kNone, &loaded.document.root);
}

std::string resolved_json(const Recipe& recipe) {
  Recipe copy = recipe;
  return config::write_json([&](config::Fields& f) { bind(f, copy); }).dump();
}

std::string training_hash(const Recipe& recipe) {
  Recipe copy = recipe;
  nlohmann::json json =
      config::write_json([&](config::Fields& f) { bind(f, copy); });  // json: keys in their order
  erase_free_keys(json);
  json["optimizer"]["lr"] = recipe.learning_rate.peak(recipe.train.batch_size);
  for (const char* key : {"lr_batch", "lr_scaling"}) json["optimizer"].erase(key);
  const std::string text = json.dump();
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::vector<std::string> training_changes(const std::string& before, const std::string& after) {
  nlohmann::json was = nlohmann::json::parse(before), is = nlohmann::json::parse(after);
  erase_free_keys(was);
  erase_free_keys(is);
  std::vector<std::string> out;
  for (const auto& patch : nlohmann::json::diff(was, is)) {
    const nlohmann::json::json_pointer place(patch.at("path").get<std::string>());
    const auto text = [&](const nlohmann::json& recipe) {
      return recipe.contains(place) ? recipe.at(place).dump() : std::string("absent");
    };
    out.push_back(fmt::format("{}: {} -> {}", key_of(place), text(was), text(is)));
  }
  return out;
}

}  // namespace sslrun::recipe
