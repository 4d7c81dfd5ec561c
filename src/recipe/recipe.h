#pragma once
#include "config/component.h"
#include "config/fields.h"
#include "image/image.h"
#include "views/view_group.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sslrun::methods {
struct MethodConfig;
}

namespace sslrun::recipe {

struct DataConfig {
  std::string train;
  std::string val;  // empty: no evaluation during training
  std::string format = "auto";
  std::string exclude;  // list of training images to leave out; empty: none
  std::int64_t channels = 3;
  std::string bit_depth = "8";
  std::string background = "white";
  std::string truncated = "skip";
  std::array<double, 2> window{0, 65535};
  double max_bad_fraction = 0.05;
  std::string cache = "none";              // "packed": files' bytes, "ram": pixels
  std::optional<std::int64_t> cache_gb;    // of memory; absent: half of what is free
  std::optional<std::int64_t> cache_side;  // with "ram": longest short side; absent: as decoded

  /// What every image is turned into.
  image::PixelFormat pixels() const;
};

/// The keys that every optimizer has; the optimizer's own ones are in Recipe::optimizer.config.
struct LearningRate {
  double lr = 0.3;
  std::optional<std::int64_t> lr_batch =
      {};  // lr is for this many images per step; absent: lr as it stands
  std::string lr_scaling = "linear";
  double layer_decay = 1;
  double patch_embed_lr_scale = 1;

  /// The peak learning rate for a batch of `batch_size` images: lr * batch / lr_batch, or its
  /// square root.
  double peak(std::int64_t batch_size) const;
};

struct ScheduleConfig {
  std::int64_t epochs = 100;
  std::int64_t warmup_epochs = 10;
  std::string warmup = "linear";
  double warmup_start_lr = 0;
  std::string decay = "cosine";
  double final_lr = 0;
  std::optional<double> final_lr_share = {};  // of the peak, in place of final_lr
  std::vector<double> milestones = {};        // epochs, for "step"
  double gamma = 0.1;
  std::string interval = "step";
  std::int64_t first_step = 0;
};

/// How long gradients may be.
struct ClipConfig {
  double norm = 3;
  std::string scope = "global";
};

struct TrainConfig {
  std::int64_t batch_size =
      256;  // images per optimizer step, over all processes and accumulation steps
  std::int64_t accumulate = 1;
  std::string accumulate_negatives = "micro";  // or "full"
  std::string precision = "auto";
  std::string grad_reduce = "fp32";  // in which gradients travel between processes
  std::string on_nonfinite = "stop";
  std::int64_t seed = 0;
  std::optional<std::int64_t> workers;  // absent: one per processor
};

struct KnnEval {
  std::int64_t every_epochs = 5;
  std::int64_t k = 20;
  double temperature = 0.07;
  std::optional<std::int64_t> bank;  // at most so many training images; absent: all
};

struct CheckpointConfig {
  std::int64_t every_epochs = 1;
  double every_minutes = 15;
  std::int64_t keep_last = 2;
};

struct DiagnosticsConfig {
  std::string on_collapse = "warn";  // or "stop"
};

/// What a run is made of. Every field is named once, in bind().
struct Recipe {
  std::int64_t version = 1;
  config::NamedComponent method;
  config::NamedComponent encoder;
  DataConfig data;
  std::vector<views::ViewGroup> augmentations;
  config::NamedComponent optimizer;
  LearningRate learning_rate;
  bool has_clip = false;
  ClipConfig clip;
  ScheduleConfig schedule;
  TrainConfig train;
  bool has_knn = true;  // used where data.val has labels
  KnnEval knn;
  CheckpointConfig checkpoint;
  DiagnosticsConfig diagnostics;
};

/// The keys of the recipe's method; null where it names none.
const methods::MethodConfig* method_config(const Recipe& recipe);

/// Reads, validates or documents a recipe, depending on the visitor.
void bind(config::Fields& fields, Recipe& recipe);

}  // namespace sslrun::recipe
