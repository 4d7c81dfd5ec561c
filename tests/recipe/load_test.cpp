#include "recipe/load.h"

#include "config/writer.h"
#include "methods/simclr_config.h"
#include "recipe/plan.h"
#include "recipe/shipped.h"
#include "recipe/starting.h"
#include "tests/recipe/support.h"
#include "tests/support/catch.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace sslrun::recipe {
namespace {

// No key at its default.
const std::string kFull = R"(version: 1
method: {name: simclr, temperature: 0.31, projector: {hidden_dim: 33, output_dim: 17}}
encoder: {name: resnet34, stem: cifar, width: 24, zero_init_residual: false}
data: {train: $DIR/train, val: $DIR/val, format: folder}
augmentations:
  - views: 1
    ops:
      - random_resized_crop: {size: 20, scale: [0.3, 0.7], ratio: [0.9, 1.1]}
      - horizontal_flip: 0.25
      - color_jitter: {p: 0.7, brightness: 0.1, contrast: 0.2, saturation: 0.3, hue: 0.4}
      - grayscale: 0.35
      - gaussian_blur: {p: 0.45, sigma: [0.2, 1.5], kernel_size: 5}
      - normalize: {preset: cifar10, mean: [0.1, 0.2, 0.3], std: [0.4, 0.5, 0.6]}
  - views: 1
    ops: [random_resized_crop: {size: 20}, normalize]
optimizer: {name: adamw, lr: 0.123456789012345, lr_batch: 128, lr_scaling: sqrt, beta1: 0.8, beta2: 0.95, eps: 1e-6,
            weight_decay: 0.01, decay_1d: true}
schedule: {epochs: 21, warmup_epochs: 3, decay: constant, final_lr: 1e-5}
train: {batch_size: 6, accumulate: 3, accumulate_negatives: full, precision: bf16, grad_reduce: bf16, on_nonfinite: skip,
        seed: 4294967295, workers: 3}
eval: {knn: {every_epochs: 7, k: 4, temperature: 0.2}}
checkpoint: {every_epochs: 9, every_minutes: 2.5, keep_last: 5}
)";

nlohmann::ordered_json as_json(Recipe recipe) {
  return config::write_json([&](config::Fields& f) { bind(f, recipe); });
}

std::string first_rendered(const std::vector<config::Diagnostic>& found) {
  return found.empty() ? "" : config::render(found[0]);
}

}  // namespace

TEST_CASE("recipe: every key reaches its field", "[recipe]") {
  const Workplace work;
  const LoadedRecipe loaded = work.load(kFull);
  const Recipe& r = loaded.recipe;
  CHECK(loaded.name == "r");
  CHECK(loaded.text == work.expand(kFull));
  const auto& simclr = dynamic_cast<const methods::SimClrConfig&>(*r.method.config);
  CHECK(simclr.temperature == 0.31);
  CHECK(simclr.projector.hidden_dim == 33);
  CHECK(r.encoder.name == "resnet34");
  CHECK(r.data.train == work.path("train"));
  CHECK(r.data.val == work.path("val"));
  CHECK(r.data.format == "folder");
  REQUIRE(r.augmentations.size() == 2);
  CHECK(r.augmentations[0].ops.size() == 6);
  CHECK(r.optimizer.name == "adamw");
  CHECK(r.learning_rate.lr == 0.123456789012345);
  CHECK(r.learning_rate.lr_batch == 128);
  CHECK(r.learning_rate.lr_scaling == "sqrt");
  CHECK(r.schedule.epochs == 21);
  CHECK(r.schedule.warmup_epochs == 3);
  CHECK(r.schedule.decay == "constant");
  CHECK(r.schedule.final_lr == 1e-5);
  CHECK(r.train.batch_size == 6);
  CHECK(r.train.accumulate == 3);
  CHECK(r.train.accumulate_negatives == "full");
  CHECK(r.train.precision == "bf16");
  CHECK(r.train.seed == 4294967295);
  CHECK(r.train.workers == 3);
  CHECK(r.has_knn);
  CHECK(r.knn.every_epochs == 7);
  CHECK(r.knn.k == 4);
  CHECK(r.knn.temperature == 0.2);
  CHECK(r.checkpoint.every_epochs == 9);
  CHECK(r.checkpoint.every_minutes == 2.5);
  CHECK(r.checkpoint.keep_last == 5);
  CHECK_FALSE(work.load(kFull, {"eval.knn=false"}).recipe.has_knn);
}

TEST_CASE("recipe: the resolved form reads back to the same recipe", "[recipe]") {
  const Workplace work;
  for (const std::string& text : {kGood, kFull}) {
    for (const bool origins : {false, true}) {
      const LoadedRecipe first = work.load(text, {"train.seed=7", "eval.knn.k=5"});
      const std::string resolved = resolved_yaml(first, origins);
      INFO(resolved);
      const LoadedRecipe second = work.load(resolved);
      CHECK(as_json(first.recipe) == as_json(second.recipe));
      CHECK(training_hash(first.recipe) == training_hash(second.recipe));
      CHECK(second.recipe.train.seed == 7);
    }
  }
}

TEST_CASE("recipe: the resolved form says where each value came from", "[recipe]") {
  const Workplace work;
  const std::string text = resolved_yaml(work.load(kGood, {"train.seed=7"}), true);
  CHECK_THAT(text,
             Catch::Matchers::Contains("  temperature: 0.5  # " + work.path("r.yaml") + ":4:16\n"));
  CHECK_THAT(text, Catch::Matchers::Contains("  lr: 0.1  # " + work.path("r.yaml") + ":13:28\n"));
  CHECK_THAT(text, Catch::Matchers::Contains("  seed: 7  # --set train.seed=7\n"));
  CHECK_THAT(text, Catch::Matchers::Contains("  lr_scaling: linear  # default\n"));
}

TEST_CASE("recipe: the fingerprint changes with every key that decides the computation",
          "[recipe]") {
  const Workplace work;
  const std::string before = training_hash(work.load(kFull).recipe);
  CHECK(before.size() == 32);
  CHECK(before.find_first_not_of("0123456789abcdef") == std::string::npos);
  std::vector<std::string> seen{before};
  for (const char* change : {"method.temperature=0.3",
                             "method.projector.hidden_dim=34",
                             "method.projector.output_dim=18",
                             "encoder.name=resnet18",
                             "encoder.stem=imagenet",
                             "encoder.width=25",
                             "encoder.zero_init_residual=true",
                             "augmentations[0].ops[1]=horizontal_flip",
                             "augmentations[0].ops[4].gaussian_blur.p=0.4",
                             "augmentations[0].ops[0].random_resized_crop.ratio=[0.9, 1.2]",
                             "augmentations[0].ops[5].normalize.preset=imagenet",
                             "optimizer={name: lars, lr: 0.1}",
                             "optimizer.beta1=0.7",
                             "optimizer.weight_decay=0.02",
                             "optimizer.decay_1d=false",
                             "optimizer.lr=0.2",
                             "optimizer.lr_batch=64",
                             "optimizer.lr_scaling=linear",
                             "schedule.epochs=22",
                             "schedule.warmup_epochs=2",
                             "schedule.decay=cosine",
                             "schedule.final_lr=0",
                             "train.batch_size=3",
                             "train.accumulate=2",
                             "train.accumulate_negatives=micro",
                             "train.precision=fp32",
                             "train.seed=1"}) {
    std::vector<std::string> overrides{change};
    if (std::string(change) == "train.batch_size=3") overrides.push_back("train.accumulate=1");
    const std::string hash = training_hash(work.load(kFull, overrides).recipe);
    INFO(change);
    CHECK(std::find(seen.begin(), seen.end(), hash) == seen.end());
    seen.push_back(hash);
  }
}

TEST_CASE("recipe: the fingerprint ignores what does not decide the computation", "[recipe]") {
  const Workplace work;
  const std::string before = training_hash(work.load(kFull).recipe);
  for (const char* change : {"data.train=$DIR/flat",
                             "data.val=''",
                             "data.format=auto",
                             "data.max_bad_fraction=0.5",
                             "data.cache=ram",
                             "data.cache_gb=3",
                             "train.workers=auto",
                             "eval.knn=false",
                             "eval.knn.k=1",
                             "checkpoint.every_epochs=1",
                             "checkpoint.every_minutes=1",
                             "checkpoint.keep_last=3"}) {
    INFO(change);
    CHECK(training_hash(work.load(kFull, {change}).recipe) == before);
  }
}

TEST_CASE("recipe: the fingerprint is that of the values, not of how they are written",
          "[recipe]") {
  const Workplace work;
  const std::string before = training_hash(work.load(kGood).recipe);
  const std::string moved =
      "train: {batch_size: 4}\n" + replaced(kGood, "train: {batch_size: 4}\n", "# moved\n");
  CHECK(training_hash(work.load(moved).recipe) == before);
  CHECK(training_hash(work.load(kGood, {"schedule.decay=cosine"}).recipe) ==
        before);  // the default
  CHECK(training_hash(work.load(kGood, {"optimizer.lr=0.05", "optimizer.lr_batch=2"}).recipe) ==
        before);  // peak 0.1
  CHECK(training_hash(work.load(kGood, {"optimizer.lr_scaling=sqrt"}).recipe) ==
        before);  // nothing scales
}

TEST_CASE("recipe: the peak learning rate follows the batch", "[recipe]") {
  LearningRate rate{.lr = 0.3, .lr_batch = 256, .lr_scaling = "linear"};
  CHECK(rate.peak(4096) == Approx(4.8));
  rate.lr_scaling = "sqrt";
  CHECK(rate.peak(4096) == Approx(1.2));
  rate.lr_batch.reset();
  CHECK(rate.peak(4096) == 0.3);
}

TEST_CASE("recipe: a plan counts whole batches", "[recipe]") {
  const Workplace work;
  const LoadedRecipe loaded = work.load(kGood,
                                        {"train.batch_size=3",
                                         "schedule.epochs=5",
                                         "optimizer.lr_batch=6",
                                         "data.val=$DIR/val",
                                         "eval.knn.k=2"});
  const Plan plan = make_plan(loaded.recipe, open_data(loaded));
  CHECK(plan.train_images == 8);
  CHECK(plan.train_classes == 2);
  CHECK(plan.val_images == 2);
  CHECK(plan.views == 2);
  CHECK(plan.steps_per_epoch == 2);
  CHECK(plan.total_steps == 10);
  CHECK(plan.warmup_steps == 4);
  CHECK(plan.peak_lr == Approx(0.05));
  CHECK(plan.knn);
}

TEST_CASE("recipe: a method that learns from classes is refused images without", "[recipe]") {
  const Workplace place;
  const std::string flat = replaced(kGood, "$DIR/train", "$DIR/flat");
  CHECK(place.mistakes(flat).empty());
  CHECK(place.mistakes(kGood, {"method={name: supcon}"}).empty());
  const auto found = place.mistakes(flat, {"method={name: supcon}"});
  REQUIRE(found.size() == 1);
  CHECK(std::string(found[0].code) == "E0504");
  CHECK(found[0].key == "data.train");
  CHECK(found[0].what == "must have the images' classes for supcon, got images without");
}

TEST_CASE("recipe: halves without labels train, without k-NN", "[recipe]") {
  const Workplace work;
  for (const std::vector<std::string>& overrides : {std::vector<std::string>{"data.val=$DIR/flat"},
                                                    {"data.train=$DIR/flat", "data.val=$DIR/val"},
                                                    {}}) {
    const LoadedRecipe loaded = work.load(kGood, overrides);
    CHECK_FALSE(make_plan(loaded.recipe, open_data(loaded)).knn);
  }
}

TEST_CASE("recipe: k-NN that is off compares no classes", "[recipe]") {
  const Workplace work;
  const std::string text =
      replaced(kGood, "train: $DIR/train", "train: $DIR/train\n  val: $DIR/other");
  CHECK_THAT(first_rendered(work.mistakes(text, {"eval.knn.k=1"})),
             Catch::Matchers::Contains("E0503"));
  CHECK(first_rendered(work.mistakes(text, {"eval.knn=false"})) == "");
}

TEST_CASE("recipe: the starting recipe of every method holds once its data is named", "[recipe]") {
  const Workplace work;
  const std::string text = starting_recipe("simclr");
  CHECK_THAT(first_rendered(work.mistakes(text)), Catch::Matchers::Contains("path/to/images"));
  const LoadedRecipe loaded = work.load(text, {"data.train=$DIR/train", "train.batch_size=4"});
  CHECK(open_data(loaded).train->size() == 8);
  for (const char* key : {"temperature: 0.1  # softmax",
                          "keep_last: 2  # ",
                          "final_lr: 0  # ",
                          "every_epochs: 5  # "}) {
    CHECK_THAT(text, Catch::Matchers::Contains(key));
  }
  CHECK_THROWS_WITH(starting_recipe("simcrl"), Catch::Matchers::Contains("did you mean simclr?"));
}

TEST_CASE("recipe: the schema requires what the reader requires", "[recipe]") {
  const nlohmann::json schema = nlohmann::json::parse(recipe_schema());
  CHECK(schema["required"] ==
        nlohmann::json({"method", "encoder", "data", "augmentations", "optimizer"}));
  const nlohmann::json& sgd = schema["properties"]["optimizer"]["anyOf"][0];
  CHECK(sgd["properties"]["name"]["const"] == "sgd");
  CHECK(sgd["required"] == nlohmann::json({"name", "lr"}));
  CHECK_FALSE(sgd["properties"]["lr"].contains("default"));
  CHECK(schema["properties"]["checkpoint"]["properties"]["keep_last"]["minimum"] == 2);
}

TEST_CASE("recipe: every shipped recipe loads and says where it comes from", "[recipe]") {
  const std::filesystem::path folder =
      std::filesystem::path(SSLRUN_TEST_DIR).parent_path() / "configs";
  const std::vector<ShippedRecipe> shipped = shipped_recipes(folder);
  std::vector<std::string> names;
  for (const ShippedRecipe& one : shipped) {
    INFO(one.path);
    names.push_back(one.name);
    CHECK_FALSE(one.summary.empty());
    CHECK_FALSE(one.source.empty());
    std::stringstream text;
    text << std::ifstream(one.path).rdbuf();
    for (const char* line : {"\n# published: ", "\n# cost: "})
      CHECK_THAT(text.str(), Catch::Matchers::Contains(line));
    const std::string data = "data={train: 'synthetic:4096x8', val: 'synthetic:8x8'}";
    const LoadedRecipe loaded = load_recipe(one.path, std::vector<std::string>{data});
    CHECK(open_data(loaded).train->size() == 4096);
  }
  for (const char* name :
       {"quickstart", "simclr", "simclr-cifar10-resnet18", "simclr-imagenet-resnet50"}) {
    CHECK(std::find(names.begin(), names.end(), name) != names.end());
  }
}

TEST_CASE("recipe: published learning rates come out of the shipped recipes", "[recipe]") {
  const std::filesystem::path folder =
      std::filesystem::path(SSLRUN_TEST_DIR).parent_path() / "configs";
  const Workplace work;
  const std::string data = work.expand("data={train: $DIR/train}");
  const auto peak = [&](const char* name) {
    const Recipe r = load_recipe(folder / name, std::vector<std::string>{data}).recipe;
    return r.learning_rate.peak(r.train.batch_size);
  };
  CHECK(peak("simclr-imagenet-resnet50.yaml") == Approx(0.075 * 64));  // 0.075 sqrt(4096)
  CHECK(peak("simclr-cifar10-resnet18.yaml") == Approx(2.0));          // 1.0 * 512 / 256
}

}  // namespace sslrun::recipe
