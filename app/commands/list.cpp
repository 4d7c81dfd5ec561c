#include "app/commands.h"
#include "encoders/encoder_configs.h"
#include "methods/method_configs.h"
#include "optim/optimizer_configs.h"
#include "recipe/shipped.h"
#include "views/view_ops.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
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
    rows.push_back({std::string(spec->name), std::string(spec->summary), std::string(spec->source)});
  }
  return rows;
}

void list(const std::string& kind, bool json) {
  const std::vector<Row> rows = rows_of(kind);
  if (json) {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const Row& r : rows) out.push_back({{"name", r.name}, {"summary", r.summary}, {"source", r.source}});
    return fmt::print("{}\n", out.dump());
  }
  std::size_t width = 0;
  for (const Row& r : rows) width = std::max(width, r.name.size());
  for (const Row& r : rows) fmt::print("{:<{}}  {}\n{:<{}}  {}\n", r.name, width, r.summary, "", width, r.source);
}

}  // namespace

void add_list(CLI::App& root) {
  struct Options {
    std::string kind;
    bool json = false;
  };
  auto o = std::make_shared<Options>();
  CLI::App* cmd = root.add_subcommand("list", "Say what there is, a line and a source each");
  cmd->footer("Example:\n  sslrun list methods\n  sslrun list recipes --json");
  cmd->add_option("kind", o->kind, "what to list")
      ->required()
      ->check(CLI::IsMember({"methods", "encoders", "augmentations", "optimizers", "recipes"}));
  cmd->add_flag("--json", o->json, "an array of {name, summary, source} on stdout");
  cmd->callback([o] { list(o->kind, o->json); });
}

}  // namespace sslrun::app
