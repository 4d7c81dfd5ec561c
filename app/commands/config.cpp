// config check | show | init | schema
#include "app/commands.h"
#include "base/error.h"
#include "base/file.h"
#include "recipe/load.h"
#include "recipe/plan.h"
#include "recipe/starting.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace sslrun::app {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string recipe, file, method = "simclr";
  std::vector<std::string> set;
  bool json = false, origins = false;
};

using Shared = std::shared_ptr<Options>;

void add_recipe_options(CLI::App& cmd, const Shared& o) {
  cmd.add_option("recipe", o->recipe, "recipe file")->required();
  cmd.add_option("--set", o->set, "override a key: --set optimizer.lr=0.1, again for more")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

std::string images(std::int64_t count, std::int64_t classes) {
  const char* plural = count == 1 ? "" : "s";
  if (classes == 0) return fmt::format("{} image{}, no labels", count, plural);
  return fmt::format("{} image{} of {} class{}", count, plural, classes, classes == 1 ? "" : "es");
}

std::string knn_text(const recipe::Recipe& r, const recipe::Plan& p) {
  if (p.knn) return fmt::format("every {} epoch{}", r.knn.every_epochs, r.knn.every_epochs == 1 ? "" : "s");
  if (!r.has_knn) return "off";
  if (r.data.val.empty()) return "off: the recipe names no data.val";
  return fmt::format("off: {} has no class folders", p.train_classes == 0 ? "data.train" : "data.val");
}

Json mistakes_json(const config::ConfigError& e) {
  Json list = Json::array();
  for (const config::Diagnostic& d : e.diagnostics()) {
    list.push_back({{"code", d.code},
                    {"source", d.span.source ? d.span.source->name : ""},
                    {"line", d.span.line},
                    {"column", d.span.column},
                    {"key", d.key},
                    {"what", d.what},
                    {"help", d.help},
                    {"note", d.note}});
  }
  return list;
}

Json plan_json(const recipe::LoadedRecipe& loaded, const recipe::Plan& p) {
  const recipe::Recipe& r = loaded.recipe;
  return {{"ok", true},
          {"recipe", loaded.name},
          {"method", r.method.name},
          {"encoder", r.encoder.name},
          {"train_images", p.train_images},
          {"train_classes", p.train_classes},
          {"val_images", p.val_images},
          {"val_classes", p.val_classes},
          {"views", p.views},
          {"batch_size", r.train.batch_size},
          {"epochs", r.schedule.epochs},
          {"steps_per_epoch", p.steps_per_epoch},
          {"warmup_steps", p.warmup_steps},
          {"total_steps", p.total_steps},
          {"peak_lr", p.peak_lr},
          {"knn", p.knn},
          {"training_hash", recipe::training_hash(r)}};
}

void print_plan(const recipe::LoadedRecipe& loaded, const recipe::Plan& p) {
  const recipe::Recipe& r = loaded.recipe;
  const auto line = [](std::string_view what, const std::string& text) { fmt::print("{:<10} {}\n", what, text); };
  line("recipe", fmt::format("{}: {} with {}", loaded.name, r.method.name, r.encoder.name));
  line("train", images(p.train_images, p.train_classes));
  if (!r.data.val.empty()) line("val", images(p.val_images, p.val_classes));
  line("steps",
       fmt::format("{} per epoch of {} images in {} views each, {} in {} epochs, {} of them warm-up",
                   p.steps_per_epoch,
                   p.steps_per_epoch * r.train.batch_size,
                   p.views,
                   p.total_steps,
                   r.schedule.epochs,
                   p.warmup_steps));
  line("peak lr", fmt::format("{:.6g} with {}", p.peak_lr, r.optimizer.name));
  line("k-NN", knn_text(r, p));
}

void check(const Options& o) {
  try {
    const recipe::LoadedRecipe loaded = recipe::load_recipe(o.recipe, o.set);
    const recipe::Plan plan = recipe::make_plan(loaded.recipe, recipe::open_data(loaded));
    if (o.json) return fmt::print("{}\n", plan_json(loaded, plan).dump());
    print_plan(loaded, plan);
  } catch (const config::ConfigError& e) {  // main tells people; a program reads it here
    if (o.json) fmt::print("{}\n", Json{{"ok", false}, {"mistakes", mistakes_json(e)}}.dump());
    throw;
  }
}

void init(const Options& o) {
  const std::string text = recipe::starting_recipe(o.method);
  if (o.file.empty()) return fmt::print("{}", text);
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(o.file, ignored))) {
    throw UsageError(fmt::format("config init: the file must not be there yet, got '{}'; give another name", o.file));
  }
  write_file_atomic(o.file, text);
  fmt::print(stderr, "wrote {}: set data.train in it, then: sslrun config check {}\n", o.file, o.file);
}

void add_check(CLI::App& config) {
  auto o = std::make_shared<Options>();
  CLI::App* cmd = config.add_subcommand("check", "Read a recipe and its data, say what a run would do or what is wrong");
  cmd->footer("Writes nothing. Exit status 3: the recipe has mistakes.\n"
              "Example:\n  sslrun config check recipe.yaml --set train.batch_size=512");
  add_recipe_options(*cmd, o);
  cmd->add_flag("--json", o->json, "one JSON object on stdout");
  cmd->callback([o] { check(*o); });
}

void add_show(CLI::App& config) {
  auto o = std::make_shared<Options>();
  CLI::App* cmd = config.add_subcommand("show", "Print a recipe with every key, defaults and overrides included");
  cmd->footer("Example:\n  sslrun config show recipe.yaml --origins");
  add_recipe_options(*cmd, o);
  cmd->add_flag("--origins", o->origins, "say where each value came from");
  cmd->callback([o] { fmt::print("{}", recipe::resolved_yaml(recipe::load_recipe(o->recipe, o->set), o->origins)); });
}

void add_init(CLI::App& config) {
  auto o = std::make_shared<Options>();
  CLI::App* cmd = config.add_subcommand("init", "Start a recipe: every key with its default and its meaning");
  cmd->footer("Example:\n  sslrun config init --method simclr recipe.yaml");
  cmd->add_option("file", o->file, "file to write, never overwritten; without it: stdout");
  cmd->add_option("--method", o->method, "see sslrun list methods")->capture_default_str();
  cmd->callback([o] { init(*o); });
}

void add_schema(CLI::App& config) {
  CLI::App* cmd = config.add_subcommand("schema", "Print the JSON Schema of recipes, for editors");
  cmd->footer("Example:\n  sslrun config schema > sslrun.schema.json");
  cmd->callback([] { fmt::print("{}", recipe::recipe_schema()); });
}

}  // namespace

void add_config(CLI::App& root) {
  CLI::App* config = root.add_subcommand("config", "Check, print or start a recipe");
  config->require_subcommand(1);
  config->footer("Example:\n  sslrun config init recipe.yaml\n  sslrun config check recipe.yaml");
  add_check(*config);
  add_show(*config);
  add_init(*config);
  add_schema(*config);
}

}  // namespace sslrun::app
