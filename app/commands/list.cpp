#include "app/commands.h"
#include "base/error.h"
#include "base/file.h"
#include "encoders/encoder_configs.h"
#include "image/decode.h"
#include "image/png_write.h"
#include "methods/method_configs.h"
#include "optim/optimizer_configs.h"
#include "recipe/shipped.h"
#include "views/augmentation_preview.h"
#include "views/view_ops.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sslrun::app {
namespace {

struct Row {
  std::string name, summary, source;
};

std::vector<Row> rows_of(const std::string& kind) {
  std::vector<Row> rows;
  if (kind == "recipes") {
    for (const recipe::ShippedRecipe& r : recipe::shipped_recipes(recipe::configs_folder())) {
      rows.push_back({r.name, r.summary, r.source});
    }
    return rows;
  }
  const config::Registry registry = kind == "methods"         ? methods::method_specs()
                                    : kind == "encoders"      ? encoders::encoder_specs()
                                    : kind == "augmentations" ? views::view_specs()
                                                              : optim::optimizer_specs();
  for (const config::ComponentSpec* spec : registry) {
    rows.push_back(
        {std::string(spec->name), std::string(spec->summary), std::string(spec->source)});
  }
  return rows;
}

void list(const std::string& kind, bool json) {
  const std::vector<Row> rows = rows_of(kind);
  if (json) {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const Row& r : rows)
      out.push_back({{"name", r.name}, {"summary", r.summary}, {"source", r.source}});
    return fmt::print("{}\n", out.dump());
  }
  std::size_t width = 0;
  for (const Row& r : rows) width = std::max(width, r.name.size());
  for (const Row& r : rows)
    fmt::print("{:<{}}  {}\n{:<{}}  {}\n", r.name, width, r.summary, "", width, r.source);
}

constexpr std::int64_t kDraws = 5;

/// Writes one strip per augmentation to the folder. normalize only changes numbers and has none.
void preview(const std::string& folder, const std::string& file) {
  image::Image image = views::test_card(448);
  if (!file.empty()) {
    const std::string bytes = read_file(file);
    try {
      image::decode(std::as_bytes(std::span(bytes)), image);
    } catch (const image::BadImage& bad) {
      throw UsageError(fmt::format(
          "--image must name an image that can be read, and '{}' is not: {}", file, bad.what()));
    }
  }
  std::filesystem::create_directories(folder);
  for (const config::ComponentSpec* spec : views::view_specs()) {
    if (spec->name == "normalize") continue;
    const auto path = std::filesystem::path(folder) / fmt::format("{}.png", spec->name);
    write_file_atomic(path, image::encode_png(views::preview_augmentation(*spec, image, kDraws)));
  }
  fmt::print(stderr, "previews in '{}': the image, then {} draws\n", folder, kDraws);
}

}  // namespace

void add_list(CLI::App& root) {
  struct Options {
    std::string kind;
    bool json = false;
    std::string preview, image;
  };

  auto o = std::make_shared<Options>();
  CLI::App* cmd = root.add_subcommand("list", "Say what there is, a line and a source each");
  cmd->footer(
      "Example:\n  sslrun list methods\n  sslrun list recipes --json\n"
      "  sslrun list augmentations --preview looks --image photo.jpg");
  cmd->add_option("kind", o->kind, "what to list")
      ->required()
      ->check(CLI::IsMember({"methods", "encoders", "augmentations", "optimizers", "recipes"}));
  cmd->add_flag("--json", o->json, "an array of {name, summary, source} on stdout");
  CLI::Option* folder =
      cmd->add_option("--preview",
                      o->preview,
                      "augmentations: folder to write a PNG to for each, with what it does");
  cmd->add_option("--image", o->image, "image that the previews start from; default: a test card")
      ->needs(folder);
  cmd->callback([o] {
    if (!o->preview.empty() && o->kind != "augmentations")
      throw UsageError(
          fmt::format("--preview shows augmentations; got '{}': say list augmentations", o->kind));
    list(o->kind, o->json);
    if (!o->preview.empty()) preview(o->preview, o->image);
  });
}

}  // namespace sslrun::app
