// Recipes with mistakes: each is told what is wrong, and where.
#include "config/explain.h"
#include "tests/recipe/support.h"
#include "tests/support/catch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

namespace sslrun::recipe {
namespace {

struct Mistake {
  std::string code, key, phrase;  // phrase: part of what and help
  std::string place{};            // empty: at the mark ` in the text, the n-th for the n-th mistake
};

struct Bad {
  std::string from, to;  // kGood with `from` replaced by `to`; from empty: `to` is the whole recipe
  std::vector<std::string> overrides;
  std::vector<Mistake> mistakes;  // all of them, in order
};

std::string times(std::size_t n, const std::string& s) {
  std::string all;
  for (std::size_t i = 0; i < n; ++i) all += s;
  return all;
}

// Ten aliases of ten aliases of ...: 10^5 values in a few lines.
std::string alias_bomb() {
  std::string s = "a0: &a0 [" + times(10, "x, ") + "]\n";
  for (int i = 1; i < 5; ++i)
    s += fmt::format("a{}: &a{} [{}]\n", i, i, times(10, fmt::format("*a{}, ", i - 1)));
  return s;
}

const std::vector<Bad>& table() {
  static const std::vector<Bad> bad = {
      // keys
      {"temperature: 0.5",
       "`temprature: 0.5",
       {},
       {{"E0101", "method.temprature", "did you mean temperature?"}}},
      {"temperature: 0.5",
       "`Temperature: 0.5",
       {},
       {{"E0101", "method.Temperature", "did you mean temperature?"}}},
      {"version: 1", "version: 1\n`lr: 0.1", {}, {{"E0101", "lr", "lr belongs under optimizer"}}},
      {"epochs: 10",
       "epochs: 10, `lr: 0.1",
       {},
       {{"E0101", "schedule.lr", "lr belongs under optimizer"}}},
      {"batch_size: 4",
       "batch_size: 4, `epochs: 3",
       {},
       {{"E0101", "train.epochs", "epochs belongs under schedule"}}},
      {"temperature: 0.5",
       "`hidden_dim: 64",
       {},
       {{"E0101", "method.hidden_dim", "hidden_dim belongs under method.projector"}}},
      {"lr: 0.1", "lr: 0.1, `beta1: 0.9", {}, {{"E0101", "optimizer.beta1", "unknown key"}}},
      {"size: 32",
       "`sizes: 32",
       {},
       {{"E0101", "augmentations[0].ops[0].random_resized_crop.sizes", "did you mean size?"}}},
      {"views: 2",
       "views: 2\n    `view: 2",
       {},
       {{"E0101", "augmentations[0].view", "did you mean views?"}}},
      {"batch_size: 4}",
       "batch_size: 4}\n`evals: {}",
       {},
       {{"E0101", "evals", "did you mean eval?"}}},
      {"batch_size: 4}",
       "batch_size: 4}\neval: {`linear: {every_epochs: 5}}",
       {},
       {{"E0101", "eval.linear", "unknown key"}}},
      {"version: 1",
       "version: 1\n`version: 1",
       {},
       {{"E0008", "version", "remove one of the two"}}},
      {"temperature: 0.5",
       "temperature: 0.5\n  `temperature: 0.4",
       {},
       {{"E0008", "method.temperature", "must appear once"}}},
      {"name: simclr",
       "name: simclr\n  `<<: {temperature: 0.4}",
       {},
       {{"E0009", "method.<<", "not part of YAML 1.2"}}},
      {"version: 1",
       "version: 1\n`<<: *x",
       {},
       {{"E0002", "<<", "the referenced anchor is not defined", "2:5"}}},
      {"method:\n  name: simclr\n  temperature: 0.5\n",
       "",
       {},
       {{"E0102", "method", "must be given", "1:1"}}},
      {"encoder: {name: resnet18, stem: cifar, width: 8}\n",
       "",
       {},
       {{"E0102", "encoder", "must be given", "1:1"}}},
      {"data:\n  train: $DIR/train\n", "", {}, {{"E0102", "data", "must be given", "1:1"}}},
      {"train: $DIR/train", "`val: $DIR/val", {}, {{"E0102", "data.train", "must be given"}}},
      {"optimizer: {name: sgd, lr: 0.1}\n",
       "",
       {},
       {{"E0102", "optimizer", "must be given", "1:1"}}},
      {"{name: sgd, lr: 0.1}", "`{name: sgd}", {}, {{"E0102", "optimizer.lr", "must be given"}}},
      {"{name: sgd, lr: 0.1}", "`{lr: 0.1}", {}, {{"E0102", "optimizer.name", "must be given"}}},
      {"name: simclr",
       "name: `simclear",
       {},
       {{"E0204", "method.name", "must be one of simclr, moco, "}}},
      {"resnet18", "`resnet81", {}, {{"E0204", "encoder.name", "did you mean resnet18?"}}},
      {"name: sgd", "name: `sdg", {}, {{"E0204", "optimizer.name", "did you mean sgd?"}}},
      {"{name: sgd, lr: 0.1}",
       "`sgd",
       {},
       {{"E0201", "optimizer", "write optimizer: {name: sgd}"}}},
      // types
      {"temperature: 0.5",
       "temperature: `warm",
       {},
       {{"E0201", "method.temperature", "must be a number"}}},
      {"temperature: 0.5",
       "temperature: `'0.5'",
       {},
       {{"E0201", "method.temperature", "remove the quotes"}}},
      {"lr: 0.1", "lr: `1_0", {}, {{"E0201", "optimizer.lr", "write 10"}}},
      {"epochs: 10", "epochs: `1e2", {}, {{"E0201", "schedule.epochs", "write 100"}}},
      {"epochs: 10", "epochs: `012", {}, {{"E0205", "schedule.epochs", "without leading zeros"}}},
      {"batch_size: 4",
       "batch_size: `4.5",
       {},
       {{"E0201", "train.batch_size", "must be a whole number"}}},
      {"batch_size: 4",
       "batch_size: 4, workers: `many",
       {},
       {{"E0201", "train.workers", "a whole number or auto"}}},
      {"lr: 0.1", "lr: 0.1, nesterov: `yes", {}, {{"E0201", "optimizer.nesterov", "write true"}}},
      {"train: $DIR/train", "train: `3", {}, {{"E0201", "data.train", "must be text"}}},
      {"{epochs: 10, warmup_epochs: 2}", "`10", {}, {{"E0201", "schedule", "must be a mapping"}}},
      {"  - views: 2\n    ops:",
       "  `views: 2\n  ops:",
       {},
       {{"E0201", "augmentations", "begin each item with '- '"}}},
      {"normalize: cifar10",
       "`3",
       {},
       {{"E0201", "augmentations[0].ops[1]", "must be a name or one 'name: {keys}'"}}},
      {"batch_size: 4}",
       "batch_size: 4}\neval: {knn: `5}",
       {},
       {{"E0201", "eval.knn", "must be a mapping, true or false"}}},
      {"version: 1", "version: `!!int 1", {}, {{"E0013", "version", "must have no tag"}}},
      // ranges
      {"version: 1", "version: `2", {}, {{"E0203", "version", "must be 1, got 2"}}},
      {"temperature: 0.5",
       "temperature: `0",
       {},
       {{"E0203", "method.temperature", "must be > 0, got 0"}}},
      {"temperature: 0.5",
       "temperature: `.nan",
       {},
       {{"E0203", "method.temperature", "must be > 0"}}},
      {"lr: 0.1", "lr: `0", {}, {{"E0203", "optimizer.lr", "must be > 0, got 0"}}},
      {"lr: 0.1",
       "lr: 0.1, lr_batch: `0",
       {},
       {{"E0203", "optimizer.lr_batch", "must be >= 1, got 0"}}},
      {"lr: 0.1",
       "lr: 0.1, lr_scaling: `cubic",
       {},
       {{"E0204", "optimizer.lr_scaling", "must be one of linear, sqrt"}}},
      {"batch_size: 4",
       "batch_size: `1",
       {},
       {{"E0203", "train.batch_size", "must be >= 2, got 1"}}},
      {"batch_size: 4",
       "batch_size: 4, seed: `4294967296",
       {},
       {{"E0203", "train.seed", "<= 4294967295"}}},
      {"batch_size: 4",
       "batch_size: 4, precision: `fp16",
       {},
       {{"E0204", "train.precision", "must be one of auto, bf16, fp32"}}},
      {"views: 2", "views: `0", {}, {{"E0203", "augmentations[0].views", "must be >= 1"}}},
      {"size: 32",
       "size: 32, scale: `[1, 0.1]",
       {},
       {{"E0206", "augmentations[0].ops[0].random_resized_crop.scale", "swap the two"}}},
      {"batch_size: 4}",
       "batch_size: 4}\ncheckpoint: {keep_last: `1}",
       {},
       {{"E0203", "checkpoint.keep_last", "must be >= 2, got 1"}}},
      {"batch_size: 4}",
       "batch_size: 4}\ncheckpoint: {every_minutes: `0}",
       {},
       {{"E0203", "checkpoint.every_minutes", "must be > 0"}}},
      {"batch_size: 4}",
       "batch_size: 4}\neval: {knn: {k: `0}}",
       {},
       {{"E0203", "eval.knn.k", "must be >= 1"}}},
      {"batch_size: 4}",
       "batch_size: 4}\neval: {knn: {temperature: `-1}}",
       {},
       {{"E0203", "eval.knn.temperature", "must be > 0, got -1"}}},
      // values that do not fit together
      {"warmup_epochs: 2",
       "warmup_epochs: `11",
       {},
       {{"E0207", "schedule.warmup_epochs", "at most schedule.epochs, got 11"}}},
      {"warmup_epochs: 2",
       "warmup_epochs: 2, final_lr: 0.1, final_lr_share: `0.1",
       {},
       {{"E0207", "schedule.final_lr_share", "must be auto where final_lr is given"}}},
      {"warmup_epochs: 2",
       "warmup_epochs: 2, milestones: `[3]",
       {},
       {{"E0207", "schedule.milestones", "must go with decay: step"}}},
      {"warmup_epochs: 2",
       "warmup_epochs: 2, decay: step, milestones: `[5, 3]",
       {},
       {{"E0207", "schedule.milestones", "must be whole numbers that grow"}}},
      {"epochs: 10, warmup_epochs: 2",
       "epochs: 10, warmup_epochs: 2, decay: step, milestones: `[]",
       {},
       {{"E0207", "schedule.milestones", "give the epochs"}}},
      {"lr: 0.1}",
       "lr: 0.1, layer_decay: `0.9}",
       {},
       {{"E0207", "optimizer.layer_decay", "must be 1 for resnet18"}}},
      {"lr: 0.1}",
       "lr: 0.1, clip: {scope: `all}}",
       {},
       {{"E0204", "optimizer.clip.scope", "must be one of global, module, tensor"}}},
      {"name: sgd, lr: 0.1",
       "name: adamw, lr: 0.1, weight_decay_end: `much",
       {},
       {{"E0201", "optimizer.weight_decay_end", "must be a number or auto"}}},
      {"train: $DIR/train",
       "train: $DIR/train\n  cache_side: `64",
       {},
       {{"E0207", "data.cache_side", "must go with cache: ram, got 64"}}},
      {"batch_size: 4",
       "batch_size: 4, accumulate: `3",
       {},
       {{"E0207", "train.accumulate", "must divide train.batch_size, got 3"}}},
      {"batch_size: 4",
       "batch_size: 4, accumulate: `4",
       {},
       {{"E0207", "train.accumulate", "at least 2 images per micro-batch"}}},
      {"  name: simclr\n  temperature: 0.5",
       "  name: swav\n  prototypes: 4",
       {"augmentations[0].views=11"},
       {{"E0207",
         "augmentations",
         "must make 2 to 10 views of each image for swav, got 11",
         ":9:3"}}},
      {"  name: simclr\n  temperature: 0.5",
       "  name: dino",
       {"augmentations=`[{views: 1, ops: [random_resized_crop: {size: 32}, normalize]}, {views: 2, "
        "ops: [random_resized_crop: {size: 16}, normalize]}]"},
       {{"E0207",
         "augmentations",
         "must begin with 2 global views of one size for dino, got 32 and 16 pixels"}}},
      {"  name: simclr\n  temperature: 0.5",
       "  name: swav\n  prototypes: 9\n  queue: 4",
       {},
       {{"E0207",
         "train.batch_size",
         "must, a micro-batch of 4 with method.queue's 4, reach method.prototypes, 9",
         ":16:21"}}},
      {"  name: simclr\n  temperature: 0.5",
       "  name: swav\n  prototypes: 4\n  queue: 6",
       {},
       {{"E0207", "train.batch_size", "must divide method.queue, 6", ":16:21"}}},
      {"  - views: 2",
       "  `- views: 3",
       {},
       {{"E0207", "augmentations", "must make 2 views of each image for simclr, got 3"}}},
      {"  - views: 2",
       "  `- views: 1",
       {},
       {{"E0207", "augmentations", "must make 2 views of each image for simclr, got 1"}}},
      {"augmentations:\n  - views: 2\n    ops:\n      - random_resized_crop: {size: 32}\n      - "
       "normalize: cifar10",
       "augmentations: `[]",
       {},
       {{"E0207", "augmentations", "got 0"}}},
      {"  - views: 2",
       "  `- {views: 1, ops: [random_resized_crop: {size: 16}, normalize]}\n  - views: 1",
       {},
       {{"E0207",
         "augmentations",
         "must make views of one size for simclr, got 16 and 32 pixels"}}},
      {"      - random_resized_crop: {size: 32}",
       "      `- random_resized_crop: {size: 32}\n      - jigsaw: {tile: 11}",
       {},
       {{"E0207",
         "augmentations[0].ops",
         "must have a jigsaw tile of at most 10 pixels, a third of the crop's 32, got 11"}}},
      {"  - views: 2\n    ops:\n      - random_resized_crop: {size: 32}",
       "  `- views: 2\n    ops:\n      - random_resized_crop: {size: 32}\n      - rotation_classes",
       {},
       {{"E0207",
         "augmentations",
         "must be without rotation_classes: simclr does not predict its classes"}}},
      {"  - views: 2\n",
       "  `- views: 1\n",
       {"method={name: rotnet}"},
       {{"E0207",
         "augmentations",
         "must have rotation_classes before normalize in each group for rotnet"}}},
      {"  - views: 2\n    ops:\n      - random_resized_crop: {size: 32}",
       "  `- views: 1\n    ops:\n      - random_resized_crop: {size: 32}\n      - jigsaw: {tile: "
       "8}",
       {"method={name: jigsaw, permutations: 20}"},
       {{"E0207",
         "augmentations",
         "must set jigsaw a jigsaw of 20 classes, as many as it is to tell apart, got 100"}}},
      {"      - random_resized_crop: {size: 32}",
       "      `- horizontal_flip",
       {},
       {{"E0207",
         "augmentations[0].ops",
         "must begin with random_resized_crop, random_crop, center_crop or resize, got "
         "horizontal_flip"}}},
      {"      - random_resized_crop: {size: 32}\n      - normalize: cifar10",
       "      `- random_resized_crop: {size: 32}\n      - grayscale",
       {},
       {{"E0207", "augmentations[0].ops", "must end with normalize, got grayscale"}}},
      {"ops:\n      - random_resized_crop: {size: 32}\n      - normalize: cifar10",
       "ops: `[]",
       {},
       {{"E0207", "augmentations[0].ops", "got no operation"}}},
      {"normalize: cifar10",
       "`normalize: {mean: [0.5]}",
       {},
       {{"E0207", "augmentations[0].ops[1]", "normalize needs mean and std of 3 channels, got 1"}}},
      {"train: $DIR/train",
       "channels: 4\n  train: $DIR/train",
       {},
       {{"E0207", "augmentations[0].ops[1]", "got 3", "13:9"}}},
      // the batch
      {"{batch_size: 4}",
       "{batch_size: `6}",
       {"method={name: moco, queue: 64}"},
       {{"E0207",
         "train.batch_size",
         "must divide method.queue, 64, of which a step replaces as many, got 6"}}},
      {"{batch_size: 4}",
       "{batch_size: `4}",
       {"method={name: moco, queue: 4, symmetric: true}"},
       {{"E0207", "train.batch_size", "must divide half of method.queue, 4"}}},
      {"{batch_size: 4}",
       "{batch_size: `4}",
       {"method={name: moco, queue: 64, split_bn: 4}"},
       {{"E0207", "train.batch_size", "each of the 4 groups of method.split_bn equally many"}}},
      {"{batch_size: 4}",
       "{batch_size: `4}",
       {"method={name: nnclr, queue: 6}"},
       {{"E0207", "train.batch_size", "must divide method.queue, 6"}}},
      // the data
      {"train: $DIR/train",
       "train: `$DIR/nowhere",
       {},
       {{"E0501", "data.train", "must be a folder or file that exists"}}},
      {"train: $DIR/train",
       "train: `images/of/nobody",
       {},
       {{"E0501", "data.train", "a relative path starts at the current folder"}}},
      {"train: $DIR/train", "train: `''", {}, {{"E0501", "data.train", "got ''"}}},
      {"train: $DIR/train",
       "train: $DIR/train\n  val: `$DIR/nowhere",
       {},
       {{"E0501", "data.val", "must be a folder or file that exists"}}},
      {"train: $DIR/train", "train: `$DIR/empty", {}, {{"E0501", "data.train", "no image below"}}},
      {"train: $DIR/train",
       "train: $DIR/train\n  val: `$DIR/empty",
       {},
       {{"E0501", "data.val", "no image below"}}},
      {"train: $DIR/train",
       "train: `$DIR/train\n  format: idx",
       {},
       {{"E0501", "data.train", "must hold train-images-idx3-ubyte"}}},
      {"train: $DIR/train",
       "train: `$DIR/train\n  format: cifar",
       {},
       {{"E0501", "data.train", "must hold data_batch_1.bin"}}},
      {"train: $DIR/train",
       "train: $DIR/train\n  format: `zip",
       {},
       {{"E0204",
         "data.format",
         "must be one of auto, folder, shards, list, idx, cifar, synthetic"}}},
      {"batch_size: 4",
       "batch_size: `9",
       {},
       {{"E0502", "train.batch_size", "at most the number of training images, 8, got 9"}}},
      {"\ntrain: {batch_size: 4}", "", {}, {{"E0502", "train.batch_size", "8, got 256", "1:1"}}},
      {"  name: simclr\n  temperature: 0.5",
       "  `name: deepcluster_v2\n  prototypes: 9",
       {},
       {{"E0502",
         "method",
         "must need at most the number of training images, 8, but deepcluster_v2 with these keys "
         "needs 9"}}},
      {"train: $DIR/train",
       "train: $DIR/train\n  val: `$DIR/val",
       {},
       {{"E0502", "eval.knn.k", "8, got 20", "1:1"}}},
      {"train: $DIR/train",
       "train: $DIR/train\n  val: `$DIR/other",
       {"eval.knn.k=3"},
       {{"E0503", "data.val", "class 1 must be that of data.train, 'b', got 'c'"}}},
      {"train: $DIR/train", "train: `~nobody/x", {}, {{"E0501", "data.train", "got '~nobody/x'"}}},
      {"train: $DIR/train",
       "train: `${env:SSLRUN_NOT_SET}",
       {},
       {{"E0301", "data.train", "SSLRUN_NOT_SET must be set"}}},
      {"train: $DIR/train",
       "train: `${HOME}/x",
       {},
       {{"E0302", "data.train", "write ${env:HOME}"}}},
      // texts that are no recipe
      {"", "", {}, {{"E0011", "", "must be a mapping of keys, got nothing", "r.yaml"}}},
      {"", "`- a\n- b\n", {}, {{"E0011", "", "got a list"}}},
      {"", "`simclr\n", {}, {{"E0011", "", "got the text 'simclr'"}}},
      {"version: 1",
       "version: 1\n---\nversion: 1",
       {},
       {{"E0007", "", "must hold one document", "r.yaml:2:1"}}},
      {"temperature: 0.5",
       "temperature: 0.5 `\xff",
       {},
       {{"E0006", "", "must be UTF-8, got the byte 0xff"}}},
      {"temperature: 0.5", "temperature: 0.5 # `\xc0\xaf", {}, {{"E0006", "", "must be UTF-8"}}},
      {"temperature: 0.5",
       std::string("temperature: 0.5 # `\0", 21),
       {},
       {{"E0006", "", "no control characters"}}},
      {"  temperature: 0.5",
       "\ttemperature: 0.5",
       {},
       {{"E0002", "method.name", "indent with spaces, not tabs", "r.yaml:4:1"}}},
      {"",
       "a: " + times(63, "[") + "`[" + times(64, "]") + "\n",
       {},
       {{"E0004", "a" + times(63, "[0]"), "at most 64 deep"}}},
      {"", alias_bomb(), {}, {{"E0005", "a3[7]", "at most 10000 values", "r.yaml:4:45"}}},
      {"", "a: &a [`*a]\n", {}, {{"E0010", "a[0]", "write the value out"}}},
      {"", times((1 << 20) + 1, "#"), {}, {{"E0003", "", "at most 1048576 bytes", "r.yaml"}}},
      // base
      {"version: 1", "base: `r.yaml", {}, {{"E0014", "base", "r.yaml -> r.yaml"}}},
      {"version: 1",
       "base: circle.yaml",
       {},
       {{"E0014", "base", "r.yaml -> circle.yaml -> r.yaml", "circle.yaml:1:7"}}},
      {"version: 1", "base: `nowhere.yaml", {}, {{"E0001", "base", "must be a readable file"}}},
      {"version: 1", "base: `[a.yaml]", {}, {{"E0014", "base", "must be the path of a recipe"}}},
      {"version: 1",
       "base: cold.yaml",
       {},
       {{"E0101", "method.kelvin", "unknown key", "cold.yaml:1:10"}}},
      // overrides
      {"", kGood, {"optimizer.lr=`-1"}, {{"E0203", "optimizer.lr", "must be > 0, got -1"}}},
      {"",
       kGood,
       {"optimizer.`learning_rate=1"},
       {{"E0101", "optimizer.learning_rate", "unknown key"}}},
      {"", kGood, {"optimizer.lr`"}, {{"E0401", "optimizer.lr", "got no '='"}}},
      {"", kGood, {"optimizer.`.lr=1"}, {{"E0401", "", "must be a.b[0].c=value"}}},
      {"",
       kGood,
       {"augmentations`[3].views=1"},
       {{"E0402", "augmentations", "the index must be below 1, got 3"}}},
      {"", kGood, {"augmentations.`views=1"}, {{"E0403", "augmentations", "give an index: [0]"}}},
      {"",
       kGood,
       {"train.batch_size.`x=1"},
       {{"E0403", "train.batch_size", "must be a mapping to take a key"}}},
      {"", kGood, {"train.batch_size=`9"}, {{"E0502", "train.batch_size", "8, got 9"}}},
      {"",
       kGood,
       {"data.train=`$DIR/nowhere"},
       {{"E0501", "data.train", "must be a folder or file that exists"}}},
      {"",
       kGood,
       {"augmentations[0].ops=`[grayscale]"},
       {{"E0207", "augmentations[0].ops", "must begin with random_resized_crop"}}},
      {"",
       kGood,
       {"train.batch_size=`[4"},
       {{"E0002", "train.batch_size[1]", "the text must be YAML"}}},
      // several at once, in the order of the text, overrides last
      {"",
       "version: 1\n"
       "method: {name: simclr, temperature: `0, `projection: 3}\n"
       "encoder: {name: resnet18}\n"
       "data: {train: `$DIR/nowhere, val: `$DIR/nowhere}\n"
       "augmentations:\n"
       "  `- {views: 3, ops: [random_resized_crop, normalize]}\n"
       "optimizer: {name: sgd, lr: `x}\n"
       "schedule: {epochs: 2, warmup_epochs: `3}\n"
       "train: {batch_size: 4}\n"
       "`lr: 1\n",
       {"train.seed=`-1"},
       {{"E0203", "method.temperature", "must be > 0"},
        {"E0101", "method.projection", "unknown key"},
        {"E0501", "data.train", "must be a folder"},
        {"E0501", "data.val", "must be a folder"},
        {"E0207", "augmentations", "got 3"},
        {"E0201", "optimizer.lr", "must be a number"},
        {"E0207", "schedule.warmup_epochs", "at most schedule.epochs"},
        {"E0101", "lr", "lr belongs under optimizer"},
        {"E0203", "train.seed", "must be >= 0"}}},
      {"",
       "`{}\n",
       {},
       {{"E0102", "method", "must be given"},
        {"E0102", "encoder", "", "1:1"},
        {"E0102", "data", "", "1:1"},
        {"E0102", "augmentations", "", "1:1"},
        {"E0102", "optimizer", "", "1:1"}}},
      {"train: $DIR/train",
       "train: `$DIR/empty\n  val: `$DIR/empty",
       {},
       {{"E0501", "data.train", "no image"}, {"E0501", "data.val", "no image"}}},
      {"train: $DIR/train",
       "train: $DIR/flat",
       {"train.batch_size=`6", "eval.knn.k=99"},
       {{"E0502", "train.batch_size", "5, got 6"}}},
  };
  return bad;
}

// Takes the marks out of a text and adds the place of each, "line:column", in order.
void take_marks(std::string& text, int shift, std::vector<std::string>& places) {
  for (std::size_t at; (at = text.find('`')) != std::string::npos;) {
    text.erase(at, 1);
    const std::string before = text.substr(0, at);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t begin = before.rfind('\n') == std::string::npos ? 0 : before.rfind('\n') + 1;
    places.push_back(fmt::format("{}:{}", line, at - begin + 1 + static_cast<std::size_t>(shift)));
  }
}

void check_entry(const Workplace& work, const Bad& bad) {
  constexpr int kFlag = 6;  // "--set "
  std::string text = work.expand(bad.from.empty() ? bad.to : replaced(kGood, bad.from, bad.to));
  std::vector<std::string> overrides = bad.overrides, places;
  take_marks(text, 0, places);
  for (std::string& one : overrides) {
    one = work.expand(one);
    take_marks(one, kFlag, places);
  }
  const std::vector<config::Diagnostic> found = work.mistakes(text, overrides);
  std::string all;
  for (const config::Diagnostic& d : found) all += config::render(d) + "\n";
  INFO("recipe:\n" << text.substr(0, 1000) << "\nsaid:\n" << all.substr(0, 2000));
  REQUIRE(found.size() == bad.mistakes.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Mistake& want = bad.mistakes[i];
    const config::Diagnostic& got = found[i];
    CHECK(got.code == want.code);
    CHECK(config::explain(got.code) != nullptr);
    CHECK(got.key == want.key);
    CHECK_THAT(got.what + " | " + got.help, Catch::Matchers::Contains(want.phrase));
    REQUIRE(got.span.source != nullptr);
    const std::string place = fmt::format("{}:{}", got.span.line, got.span.column);
    if (want.place.empty()) {
      REQUIRE(i < places.size());
      CHECK(place == places[i]);
    } else {
      CHECK_THAT(got.span.place(), Catch::Matchers::Contains(want.place));
    }
  }
}

}  // namespace

TEST_CASE("recipe: every bad recipe is told each of its mistakes, with code and place",
          "[recipe]") {
  const Workplace work;
  work.write("circle.yaml", "base: r.yaml\n");
  work.write("cold.yaml", "method: {kelvin: 3}\n");
  setenv("HOME", "/home/x", 1);
  for (const Bad& bad : table()) check_entry(work, bad);
  CHECK(table().size() >= 60);
}

TEST_CASE("recipe: the recipe that the table changes has no mistake", "[recipe]") {
  const Workplace work;
  for (const config::Diagnostic& d : work.mistakes(kGood)) FAIL(config::render(d));
}

TEST_CASE("recipe: a file that cannot be read is named", "[recipe]") {
  const Workplace work;
  for (const char* name : {"nowhere.yaml", "train"}) {
    try {
      load_recipe(work.path(name), {});
      FAIL("it was read");
    } catch (const config::ConfigError& e) {
      REQUIRE(e.diagnostics().size() == 1);
      CHECK(std::string(e.diagnostics()[0].code) == "E0001");
      CHECK_THAT(e.what(), Catch::Matchers::Contains(work.path(name)));
    }
  }
}

}  // namespace sslrun::recipe
