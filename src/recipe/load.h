// A recipe as the program uses it: read, checked against the data, written back, fingerprinted.
#pragma once
#include "config/document.h"
#include "data/source.h"
#include "recipe/recipe.h"

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sslrun::recipe {

struct LoadedRecipe {
  Recipe recipe;
  std::string name;           // of the run: the file's name without its ending
  std::string text;           // the file, byte for byte
  config::Document document;  // where every value came from
};

/// Reads the recipe at `path` with the overrides "a.b=c" and checks everything that needs no look
/// into the data: keys, types, ranges, rules between keys, and that data.train and data.val exist.
/// errors    ConfigError with every mistake.
LoadedRecipe load_recipe(const std::filesystem::path& path, std::span<const std::string> overrides);

struct OpenedData {
  std::unique_ptr<data::Source> train;
  std::unique_ptr<data::Source> val;  // null: the recipe names none
};

/// Whether a run of this recipe on this data evaluates with k-NN: it wants to, and both halves have
/// labels.
bool runs_knn(const Recipe& recipe, const OpenedData& data);

/// Opens the recipe's data.
/// errors    ConfigError, pointing into the recipe, where there is nothing to learn from, the batch
///           is larger than the data set, the format is not what the recipe says, or k-NN cannot
///           compare the two halves.
OpenedData open_data(const LoadedRecipe& loaded);

/// Refuses a number of processes that cannot share out the recipe's batches.
/// errors    ConfigError, pointing into the recipe.
void require_ranks(const LoadedRecipe& loaded, std::int64_t ranks);

/// Every key with its value, one a line: recipe.resolved.yaml. origins: say where each value came
/// from. An `auto` that the caller has decided in loaded.recipe is written as decided.
std::string resolved_yaml(const LoadedRecipe& loaded, bool origins);

/// Every key with its value, as JSON: what a checkpoint remembers to say later which key was
/// changed.
std::string resolved_json(const Recipe& recipe);

/// 32 hexadecimal digits that change when a key that decides what is computed changes: a run
/// resumes only with the same. Left out: where the data is (it has its own fingerprint), eval,
/// checkpoint, train.workers, data.cache; of the learning rate the peak counts, not how it was written. Decide
/// train.precision first: `auto` and what it stands for differ.
std::string training_hash(const Recipe& recipe);

/// "optimizer.lr: 0.3 -> 0.1" for every value that differs between two answers of resolved_json,
/// the keys that training_hash leaves out excepted.
std::vector<std::string> training_changes(const std::string& before, const std::string& after);

}  // namespace sslrun::recipe
