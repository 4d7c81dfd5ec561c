#include "app/commands/data_preview.h"

#include "base/file.h"
#include "data/cache.h"
#include "data/loader.h"
#include "image/png_write.h"
#include "recipe/load.h"
#include "views/preview.h"
#include "views/view_work.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sslrun::app {

namespace {

struct Options {
  std::string recipe, out;
  std::vector<std::string> overrides;
  std::int64_t images = 8;
};

/// The first images of the first batch, as a run of the recipe would see them.
void preview(const Options& o) {
  const recipe::LoadedRecipe loaded = recipe::load_recipe(o.recipe, o.overrides);
  const recipe::OpenedData data = recipe::open_data(loaded);
  const recipe::Recipe& r = loaded.recipe;
  const auto seed = static_cast<std::uint32_t>(r.train.seed);
  const views::Pipeline pipeline(r.augmentations, seed, r.data.channels);
  views::ViewWork work(pipeline);
  const std::int64_t rows = std::min(o.images, r.train.batch_size);
  const data::Sampler sampler(seed, data.train->size(), rows);
  // A run may reduce its images before they become views.
  const data::CachedSource images(
      *data.train,
      {.keep = data::Keep::kPixels, .max_bytes = 0, .short_side = r.data.cache_side.value_or(0)});
  data::Loader loader(images, sampler, work, {.end_step = 1});
  const data::Batch& batch = loader.next();
  write_file_atomic(o.out, image::encode_png(views::preview_grid(pipeline, batch.views, rows)));
  for (std::int64_t row = 0; row < rows; ++row) {
    fmt::print("{}", data.train->name(batch.samples[static_cast<std::size_t>(row)]));
    for (std::int64_t v = 0; v < pipeline.num_views(); ++v) {
      const std::int64_t n = pipeline.form(v).targets;
      const std::span all(batch.targets[static_cast<std::size_t>(v)]);
      const auto own = all.subspan(static_cast<std::size_t>(row * n), static_cast<std::size_t>(n));
      if (n > 0) fmt::print("\tview {}: {}", v, fmt::join(own, " "));
    }
    fmt::print("\n");
  }
  fmt::print(stderr, "'{}': {} images, a row each, {} views\n", o.out, rows, pipeline.num_views());
}

}  // namespace

void add_data_preview(CLI::App& data) {
  auto o = std::make_shared<Options>();
  CLI::App* cmd = data.add_subcommand(
      "preview",
      "Write the views of a recipe's first images to a PNG, their names and classes to predict to "
      "stdout");
  cmd->footer(
      "Example:\n  sslrun data preview my.yaml --out grid.png\n"
      "  sslrun data preview my.yaml --out grid.png --set augmentations[0].views=4");
  cmd->add_option("recipe", o->recipe, "recipe: its data, seed and augmentations are used")
      ->required();
  cmd->add_option("--out", o->out, "PNG file to write")->required();
  cmd->add_option("--images", o->images, "rows: at most the batch size")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  cmd->add_option("--set", o->overrides, "change a key of the recipe: a.b=value");
  cmd->callback([o] { preview(*o); });
}

}  // namespace sslrun::app
