// A recipe that holds, the folders it names, and what the loader says of changes to it.
#pragma once
#include "recipe/load.h"
#include "tests/data/support.h"

#include <string>
#include <utility>
#include <vector>

namespace sslrun::recipe {

inline const std::string kGood = R"(version: 1
method:
  name: simclr
  temperature: 0.5
encoder: {name: resnet18, stem: cifar, width: 8}
data:
  train: $DIR/train
augmentations:
  - views: 2
    ops:
      - random_resized_crop: {size: 32}
      - normalize: cifar10
optimizer: {name: sgd, lr: 0.1}
schedule: {epochs: 10, warmup_epochs: 2}
train: {batch_size: 4}
)";

/// `text` with the first `from` replaced; the test is wrong if there is none.
inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos)
    throw std::logic_error("the test replaces what is not there: " + from);
  return text.replace(at, from.size(), to);
}

/// Folders of tiny images: train (a 4, b 4), val (a 1, b 1), other (a 1, c 1), flat (5, no labels),
/// empty.
class Workplace {
 public:
  Workplace() {
    const std::string png = test::flat_png(7);
    for (const char* name : {"0", "1", "2", "3"}) {
      folder_.write("train/a/" + std::string(name) + ".png", png);
      folder_.write("train/b/" + std::string(name) + ".png", png);
    }
    for (const char* path : {"val/a/0",
                             "val/b/0",
                             "other/a/0",
                             "other/c/0",
                             "flat/0",
                             "flat/1",
                             "flat/2",
                             "flat/3",
                             "flat/4"}) {
      folder_.write(std::string(path) + ".png", png);
    }
    folder_.write("empty/readme.txt", "no image");
  }

  std::string path(const std::string& below = "") const { return folder_.path(below); }

  /// The text with every $DIR replaced by the folder's path.
  std::string expand(std::string text) const {
    for (std::size_t at; (at = text.find("$DIR")) != std::string::npos;)
      text.replace(at, 4, path());
    return text;
  }

  /// Writes `text` to `name` and returns its path.
  std::string write(const std::string& name, const std::string& text) const {
    folder_.write(name, expand(text));
    return path(name);
  }

  LoadedRecipe load(const std::string& text, std::vector<std::string> overrides = {}) const {
    for (std::string& one : overrides) one = expand(one);
    return load_recipe(write("r.yaml", text), overrides);
  }

  /// The mistakes of reading the recipe and opening its data.
  std::vector<config::Diagnostic> mistakes(const std::string& text,
                                           const std::vector<std::string>& overrides = {}) const {
    try {
      open_data(load(text, overrides));
    } catch (const config::ConfigError& e) {
      if (e.exit_code() != 3) throw std::logic_error("a mistake in a recipe must exit with 3");
      return e.diagnostics();
    }
    return {};
  }

 private:
  test::TempFolder folder_;
};

}  // namespace sslrun::recipe
