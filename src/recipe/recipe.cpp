#include "recipe/recipe.h"

#include "encoders/encoder_configs.h"
#include "methods/method_configs.h"
#include "optim/optimizer_configs.h"
#include "views/view_ops.h"

#include <cmath>
#include <string_view>

namespace sslrun::recipe {
namespace {

constexpr std::array<std::string_view, 4> kFormats = {"auto", "folder", "idx", "cifar"};
constexpr std::array<std::string_view, 2> kScalings = {"linear", "sqrt"};
constexpr std::array<std::string_view, 2> kDecays = {"cosine", "constant"};
constexpr std::array<std::string_view, 3> kPrecisions = {"auto", "bf16", "fp32"};
constexpr std::int64_t kMaxSeed = 4294967295;  // the seed is one word of the generator's key

void bind(config::Fields& f, DataConfig& c) {
  f.required("train");
  f.path("train", c.train, "images to learn from: a folder at any depth, IDX files or CIFAR binaries");
  f.path("val", c.val, "labelled images for k-NN during training: class folders, IDX or CIFAR test files");
  f.choice("format", c.format, kFormats, "how data is stored; auto looks at the files");
}

void bind(config::Fields& f, views::ViewGroup& g) {
  f.integer("views", g.views, {.min = 1, .max = 64}, "how many views of each image this group makes");
  f.required("ops");
  f.components("ops", g.ops, views::view_specs(), "operations, run in the order given");
}

void bind(config::Fields& f, ScheduleConfig& c) {
  f.integer("epochs", c.epochs, {.min = 1, .max = 1000000}, "passes over the training images");
  f.integer("warmup_epochs", c.warmup_epochs, {.min = 0}, "epochs of linear warm-up from 0");
  f.choice("decay", c.decay, kDecays, "what follows the warm-up");
  f.real("final_lr", c.final_lr, {.min = 0}, "learning rate that the cosine ends at");
  f.check("warmup_epochs", c.warmup_epochs <= c.epochs, "must be at most schedule.epochs", "shorten the warm-up");
}

void bind(config::Fields& f, TrainConfig& c) {
  f.integer("batch_size", c.batch_size, {.min = 2}, "images per optimizer step, over all processes and accumulation");
  f.integer("accumulate", c.accumulate, {.min = 1}, "micro-batches per step; each has its own negatives");
  f.choice("precision", c.precision, kPrecisions, "auto: bf16 where the processor has it in hardware, else fp32");
  f.integer("seed", c.seed, {.min = 0, .max = kMaxSeed}, "decides order, views and initial weights");
  f.integer_or_auto("workers", c.workers, {.min = 1, .max = 1024}, "decode threads per process");
  f.check("accumulate", c.batch_size % c.accumulate == 0, "must divide train.batch_size", "change one of the two");
}

}  // namespace

double LearningRate::peak(std::int64_t batch_size) const {
  if (!lr_batch) return lr;
  const double ratio = static_cast<double>(batch_size) / static_cast<double>(*lr_batch);
  return lr * (lr_scaling == "sqrt" ? std::sqrt(ratio) : ratio);
}

void bind(config::Fields& f, Recipe& r) {
  f.integer("version", r.version, {.min = 1, .max = 1}, "version of the recipe's format");
  f.required("method");
  f.component("method", "name", r.method, methods::method_specs(), "what is learnt from the views");
  f.required("encoder");
  f.component("encoder", "name", r.encoder, encoders::encoder_specs(), "the network that is kept");
  f.required("data");
  f.section("data", "where the images are", [&](config::Fields& s) { bind(s, r.data); });
  f.required("augmentations");
  f.list("augmentations", "groups of views", r.augmentations.size(), [&](config::Fields& s, std::size_t i) {
    if (i >= r.augmentations.size()) r.augmentations.resize(i + 1);
    bind(s, r.augmentations[i]);
  });
  f.required("optimizer");
  f.component("optimizer", "name", r.optimizer, optim::optimizer_specs(), "how the weights move");
  f.section("schedule", "learning rate over time", [&](config::Fields& s) { bind(s, r.schedule); });
  f.section("train", "batch, precision, seed", [&](config::Fields& s) { bind(s, r.train); });
}

}  // namespace sslrun::recipe
