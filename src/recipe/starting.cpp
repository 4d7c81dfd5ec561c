#include "recipe/starting.h"

#include "base/error.h"
#include "config/nearest.h"
#include "config/writer.h"
#include "encoders/encoder_configs.h"
#include "methods/method_config.h"
#include "methods/method_configs.h"
#include "optim/optimizer_configs.h"
#include "recipe/recipe.h"
#include "views/view_ops.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <vector>

namespace sslrun::recipe {

namespace {

// SimCLR's, which most methods begin from.
constexpr std::array<std::string_view, 6> kStartingOps{"random_resized_crop",
                                                       "horizontal_flip",
                                                       "color_jitter",
                                                       "grayscale",
                                                       "gaussian_blur",
                                                       "normalize"};

}  // namespace

std::string starting_recipe(std::string_view method) {
  if (!config::find_spec(methods::method_specs(), method)) {
    std::vector<std::string> names;
    for (const config::ComponentSpec* spec : methods::method_specs())
      names.emplace_back(spec->name);
    const std::string near = config::nearest(method, names);
    throw UsageError(fmt::format("the method must be one of {}; got '{}'{}",
                                 config::join(names),
                                 method,
                                 near.empty() ? "" : fmt::format("; did you mean {}?", near)));
  }
  Recipe recipe;
  recipe.method = config::make_component(methods::method_specs(), method);
  recipe.encoder = config::make_component(encoders::encoder_specs(), "resnet50");
  recipe.data.train = "path/to/images";
  views::ViewGroup group;
  group.views = method_config(recipe)->view_needs().min_views;
  for (const std::string_view op : kStartingOps)
    group.ops.push_back(config::make_component(views::view_specs(), op));
  recipe.augmentations = {group};
  recipe.optimizer = config::make_component(optim::optimizer_specs(), "lars");
  recipe.learning_rate.lr_batch = 256;
  const std::string yaml =
      config::write_yaml([&](config::Fields& f) { bind(f, recipe); }, config::Comments::kDocs);
  return fmt::format(
      "# A recipe for {} to start from: set data.train, then `sslrun config check` this file.\n"
      "# Every key is here with its meaning. Those without a default, which a recipe must give: "
      "method, encoder,\n"
      "# data.train, augmentations, optimizer and optimizer.lr.\n"
      "{}",
      method,
      yaml);
}

std::string recipe_schema() {
  Recipe recipe;
  return config::write_schema([&](config::Fields& f) { bind(f, recipe); }, "sslrun recipe")
             .dump(2) +
         "\n";
}

}  // namespace sslrun::recipe
