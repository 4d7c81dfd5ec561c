#include "recipe/recipe.h"

#include "data/source.h"
#include "encoders/encoder_config.h"
#include "encoders/encoder_configs.h"
#include "kernels/augment/normalize.h"
#include "methods/method_config.h"
#include "methods/method_configs.h"
#include "optim/optimizer_configs.h"
#include "views/view_op.h"
#include "views/view_ops.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

namespace sslrun::recipe {
namespace {

constexpr std::array<std::string_view, 2> kBitDepths = {"8", "16"};
constexpr std::array<std::string_view, 3> kCaches = {"none", "packed", "ram"};
constexpr std::array<std::string_view, 3> kBackgrounds = {"white", "black", "gray"};
constexpr std::array<std::string_view, 3> kTruncated = {"skip", "keep", "fail"};
constexpr std::array<std::string_view, 2> kOnCollapse = {"warn", "stop"};
constexpr std::array<std::string_view, 2> kScalings = {"linear", "sqrt"};
constexpr std::array<std::string_view, 2> kWarmups = {"linear", "linspace"};
constexpr std::array<std::string_view, 3> kDecays = {"cosine", "step", "constant"};
constexpr std::array<std::string_view, 2> kIntervals = {"step", "epoch"};
constexpr std::array<std::string_view, 3> kScopes = {"global", "module", "tensor"};
constexpr std::array<std::string_view, 3> kPrecisions = {"auto", "bf16", "fp32"};
constexpr std::array<std::string_view, 2> kNegatives = {"micro", "full"};
constexpr std::array<std::string_view, 2> kGradReduces = {"fp32", "bf16"};
constexpr std::array<std::string_view, 3> kOnNonfinite = {"stop", "skip", "rollback"};
constexpr std::int64_t kMaxSeed = 4294967295;  // the seed is one word of the generator's key

void bind(config::Fields& f, DataConfig& c) {
  f.required("train");
  f.path("train", c.train, fmt::format("images to learn from: {}", data::kPathHelp));
  f.path("val", c.val, "labelled images for k-NN during training: stored as those of train");
  f.choice("format", c.format, data::kFormats, "how data is stored; auto looks at the files");
  f.path(
      "exclude",
      c.exclude,
      "training images to leave out, a name a line, as sslrun data check --quarantine writes it");
  f.integer("channels",
            c.channels,
            {.min = 1, .max = kernels::kMaxChannels},
            "1 gray, 3 RGB; another number: TIFF or PNG files that hold so many");
  f.choice("bit_depth", c.bit_depth, kBitDepths, "bits a channel that are kept; 16 become 8");
  f.choice("background", c.background, kBackgrounds, "what transparent pixels are laid on");
  f.choice(
      "truncated",
      c.truncated,
      kTruncated,
      "files that were cut: replaced; taken with what they have (JPEG only); or the run stops");
  f.range("window",
          c.window,
          {.min = 0, .max = 65535},
          "levels of 16 bits that become black and white, before they become 8");
  f.check("window",
          c.window[0] < c.window[1] && c.window[0] == std::floor(c.window[0]) &&
              c.window[1] == std::floor(c.window[1]),
          "must be two whole numbers, the first below the second",
          "[0, 65535] leaves levels as they are");
  f.real("max_bad_fraction",
         c.max_bad_fraction,
         {.min = 0, .max = 1},
         "stop when more of the images than this cannot be used, and more than 4; 0: at the first");
  f.choice("cache",
           c.cache,
           kCaches,
           "what stays in memory of training images: packed: their files, ram: their pixels");
  f.integer_or_auto(
      "cache_gb",
      c.cache_gb,
      {.min = 1, .max = 1000000},
      "most memory that the cache of a process takes, in 10^9 bytes; auto: half of what is "
      "free, shared by the processes of a machine");
  f.integer_or_auto("cache_side",
                    c.cache_side,
                    {.min = 1, .max = 65535},
                    "longest short side in pixels that cache: ram keeps, larger images are reduced "
                    "to it; auto: as decoded");
  f.check("cache_side",
          !c.cache_side || c.cache == "ram",
          "must go with cache: ram",
          "only decoded images are reduced: set cache: ram, or leave cache_side out");
}

void bind(config::Fields& f, views::ViewGroup& g, std::int64_t channels) {
  f.integer(
      "views", g.views, {.min = 1, .max = 64}, "how many views of each image this group makes");
  f.required("ops");
  f.components("ops", g.ops, views::view_specs(), "operations, run in the order given");
  const std::string problem = views::ops_problem(g.ops);
  f.check("ops",
          problem.empty(),
          problem,
          "the crop makes the pixels, normalize hands them to the encoder");
  for (std::size_t i = 0; i < g.ops.size(); ++i) {
    const std::string unsuited = views::channels_problem(g.ops[i], channels);
    f.check(
        fmt::format("ops[{}]", i),
        unsuited.empty(),
        fmt::format(
            "must suit images of {} channel{}: {}", channels, channels == 1 ? "" : "s", unsuited),
        "change the operation, or data.channels");
  }
}

void bind(config::Fields& f, ScheduleConfig& c) {
  f.integer("epochs", c.epochs, {.min = 1, .max = 1000000}, "passes over the training images");
  f.integer("warmup_epochs", c.warmup_epochs, {.min = 0}, "epochs in which the rate rises");
  f.choice("warmup",
           c.warmup,
           kWarmups,
           "linear: step s of W rises to s / W; linspace: to s / (W - 1), so that the last one has "
           "the peak, as in DINO, SwAV, solo-learn");
  f.real("warmup_start_lr",
         c.warmup_start_lr,
         {.min = 0},
         "learning rate that the warm-up starts from: 3e-5 solo-learn");
  f.choice("decay",
           c.decay,
           kDecays,
           "what follows the warm-up; step: times gamma at each of the milestones");
  f.real("final_lr", c.final_lr, {.min = 0}, "learning rate that the cosine ends at: 1e-6 DINO");
  f.real_or_auto(
      "final_lr_share",
      c.final_lr_share,
      {.min = 0, .max = 1},
      "the same as a share of the peak: 0.001 Barlow Twins, VICReg; auto: final_lr holds");
  f.reals(
      "milestones", c.milestones, {.min = 1}, "epochs at which the rate falls: [120, 160] MoCo v1");
  f.real("gamma", c.gamma, {.min = 0, .max = 1, .open_min = true}, "factor at each milestone");
  f.choice(
      "interval", c.interval, kIntervals, "how often the rate changes; epoch: SimSiam, MoCo v2");
  f.integer(
      "first_step",
      c.first_step,
      {.min = -1, .max = 1},
      "number of the first step: 1 I-JEPA; -1 SimMIM, whose second step has the first one's rate");
  f.check("warmup_epochs",
          c.warmup_epochs <= c.epochs,
          "must be at most schedule.epochs",
          "shorten the warm-up");
  f.check("final_lr_share",
          !c.final_lr_share || c.final_lr == 0,
          "must be auto where final_lr is given",
          "give one of the two");
  f.check("milestones",
          (c.decay == "step") == !c.milestones.empty(),
          "must go with decay: step",
          "give the epochs at which the rate falls, or another decay");
  f.check("milestones",
          std::is_sorted(c.milestones.begin(), c.milestones.end()) &&
              std::all_of(c.milestones.begin(),
                          c.milestones.end(),
                          [](double epoch) { return epoch == std::floor(epoch); }),
          "must be whole numbers that grow",
          "write them as [120, 160]");
}

void bind(config::Fields& f, ClipConfig& c) {
  f.real("norm", c.norm, {.min = 0, .open_min = true}, "length that gradients are cut to");
  f.choice(
      "scope",
      c.scope,
      kScopes,
      "of all gradients together; of encoder and of each head (DINOv2); of each tensor (DINO)");
}

void bind(config::Fields& f, TrainConfig& c) {
  f.integer("batch_size",
            c.batch_size,
            {.min = 2},
            "images per optimizer step, over all processes and accumulation");
  f.integer("accumulate", c.accumulate, {.min = 1}, "micro-batches per step");
  f.choice("accumulate_negatives",
           c.accumulate_negatives,
           kNegatives,
           "what simclr, supcon, mocov3 and nnclr compare an image with: micro: its micro-batch; "
           "full: the whole batch, at the cost of a second forward pass (GradCache); batch norm "
           "sees micro-batches either way");
  f.choice("precision",
           c.precision,
           kPrecisions,
           "auto: bf16 where the processor has it in hardware, else fp32");
  f.choice("grad_reduce",
           c.grad_reduce,
           kGradReduces,
           "in which gradients are averaged over processes: bf16 halves what they send");
  f.choice(
      "on_nonfinite",
      c.on_nonfinite,
      kOnNonfinite,
      "after a loss or gradient that is not finite: the end; the next batch; or back to the last "
      "checkpoint, and on without the batch");
  f.integer(
      "seed", c.seed, {.min = 0, .max = kMaxSeed}, "decides order, views and initial weights");
  f.integer_or_auto("workers", c.workers, {.min = 1, .max = 1024}, "decode threads per process");
  f.check("accumulate",
          c.batch_size % c.accumulate == 0,
          "must divide train.batch_size",
          "change one of the two");
  f.check("accumulate",
          c.batch_size / c.accumulate >= 2,
          "must leave at least 2 images per micro-batch: one has no other to be compared with",
          "accumulate less");
}

void bind(config::Fields& f, LearningRate& c) {
  f.required("lr");
  f.real("lr", c.lr, {.min = 0, .open_min = true}, "peak learning rate, after the warm-up");
  f.integer_or_auto("lr_batch",
                    c.lr_batch,
                    {.min = 1},
                    "images per step that lr is meant for: it scales with train.batch_size; auto: "
                    "lr as it stands");
  f.choice("lr_scaling", c.lr_scaling, kScalings, "how lr grows with train.batch_size / lr_batch");
  f.real("layer_decay",
         c.layer_decay,
         {.min = 0, .max = 1, .open_min = true},
         "factor of lr from one layer of the encoder to the one before it: 0.9 DINOv2");
  f.real("patch_embed_lr_scale",
         c.patch_embed_lr_scale,
         {.min = 0},
         "times the learning rate of the patch embedding: 0.2 DINOv2");
}

void bind(config::Fields& f, KnnEval& c) {
  f.integer("every_epochs", c.every_epochs, {.min = 1}, "epochs from one evaluation to the next");
  f.integer("k", c.k, {.min = 1}, "neighbours that vote");
  f.real("temperature",
         c.temperature,
         {.min = 0, .open_min = true},
         "a vote weighs exp(cosine / temperature)");
  f.integer_or_auto("bank",
                    c.bank,
                    {.min = 1},
                    "compare with at most so many training images, drawn once; auto: all");
}

void bind(config::Fields& f, CheckpointConfig& c) {
  f.integer("every_epochs", c.every_epochs, {.min = 1}, "epochs from one checkpoint to the next");
  f.real("every_minutes",
         c.every_minutes,
         {.min = 0, .open_min = true},
         "and at most this long between two");
  f.integer("keep_last",
            c.keep_last,
            {.min = 2},
            "checkpoints that are kept; the newest sound one always is");
}

// The crop that a group begins with; null where it does not, which it is told itself.
const views::CropOp* crop_of(const views::ViewGroup& group) {
  if (group.ops.empty()) return nullptr;
  return dynamic_cast<const views::CropOp*>(group.ops.front().config.get());
}

// What is wrong with the sizes of the views for a method that needs some of them to be equal, or "".
std::string sizes_problem(const Recipe& r, const methods::ViewNeeds& needs) {
  std::int64_t equal = needs.same_size ? needs.max_views : needs.global_views;
  std::optional<std::int64_t> side;
  for (const views::ViewGroup& group : r.augmentations) {
    if (equal <= 0) break;
    equal -= group.views;
    const views::CropOp* const crop = crop_of(group);
    if (!crop) continue;
    const std::int64_t size = crop->side();
    if (side && *side != size) {
      return fmt::format("must {} of one size for {}, got {} and {} pixels",
                         needs.same_size
                             ? "make views"
                             : fmt::format("begin with {} global views", needs.global_views),
                         r.method.name,
                         *side,
                         size);
    }
    side = size;
  }
  return "";
}

// What a method needs of the views and does not get, or "".
std::string views_problem(const Recipe& r) {
  const methods::MethodConfig* const method = method_config(r);
  if (!method) return "";
  const methods::ViewNeeds needs = method->view_needs();
  std::int64_t views = 0;
  for (const views::ViewGroup& group : r.augmentations) views += group.views;
  if (views < needs.min_views || views > needs.max_views) {
    const std::string range = needs.min_views == needs.max_views
                                  ? std::to_string(needs.min_views)
                                  : fmt::format("{} to {}", needs.min_views, needs.max_views);
    return fmt::format(
        "must make {} views of each image for {}, got {}", range, r.method.name, views);
  }
  for (const views::ViewGroup& group : r.augmentations) {
    const auto [task, classes] = views::task_of(group.ops);
    if (group.ops.empty()) continue;
    if (task == needs.task) {
      if (classes == needs.classes) continue;
      return fmt::format("must set {} a {} of {} classes, as many as it is to tell apart, got {}",
                         r.method.name,
                         task,
                         needs.classes,
                         classes);
    }
    return needs.task.empty()
               ? fmt::format(
                     "must be without {}: {} does not predict its classes", task, r.method.name)
               : fmt::format("must have {} before normalize in each group for {}",
                             needs.task,
                             r.method.name);
  }
  return sizes_problem(r, needs);
}

// What is wrong between method, encoder and the sizes of the views, or "".
std::string encoder_problem(const Recipe& r) {
  const methods::MethodConfig* const method = method_config(r);
  const auto* encoder = dynamic_cast<const encoders::EncoderConfig*>(r.encoder.config.get());
  if (!encoder) return "";
  const std::int64_t patch = encoder->patch_size();
  if (patch == 0) {
    const bool unfit = method && method->view_needs().patches;
    return unfit
               ? fmt::format("must be a vision transformer for {}, which works on patches, got {}",
                             r.method.name,
                             r.encoder.name)
               : "";
  }
  if (method && method->view_needs().class_token && !encoder->has_class_token())
    return fmt::format("must have class_token: true for {}, which trains that token",
                       r.method.name);
  for (const views::ViewGroup& group : r.augmentations) {
    const views::CropOp* const crop = crop_of(group);
    if (!crop) continue;
    if (crop->side() % patch != 0) {
      return fmt::format(
          "must have a patch_size that divides the views' {} pixels, got {}", crop->side(), patch);
    }
    if (const std::string problem = encoder->view_problem(crop->side()); !problem.empty())
      return problem;
    // Evaluation looks at the crop, training at what a task makes of it.
    if (const std::int64_t side = views::picture_side(group.ops); side % patch != 0) {
      return fmt::format(
          "must have a patch_size that divides the {} pixels of {}'s pictures, got {}",
          side,
          views::task_of(group.ops).name,
          patch);
    }
    if (method && method->view_needs().patches) {
      const std::string problem = method->patch_problem(crop->side(), patch);
      if (!problem.empty()) return problem;
    }
  }
  return "";
}

// Whether the encoder cuts images into patches; true where it is not known.
bool has_patches(const Recipe& r) {
  const auto* encoder = dynamic_cast<const encoders::EncoderConfig*>(r.encoder.config.get());
  return !encoder || encoder->patch_size() > 0;
}

// What the method finds wrong with the number of images in a step, or "".
std::string batch_problem(const Recipe& r) {
  const methods::MethodConfig* const method = method_config(r);
  if (!method || r.train.batch_size % r.train.accumulate != 0) return "";
  return method->batch_problem(r.train.batch_size, r.train.batch_size / r.train.accumulate);
}

// Why the method cannot do with negatives what the recipe asks for, or "".
std::string_view full_negatives_problem(const Recipe& r) {
  const methods::MethodConfig* const method = method_config(r);
  return method && r.train.accumulate_negatives == "full" ? method->full_negatives_problem() : "";
}

}  // namespace

image::PixelFormat DataConfig::pixels() const {
  const std::uint8_t level = background == "white" ? 255 : background == "gray" ? 128 : 0;
  return {channels,
          bit_depth == "16" ? 16 : 8,
          level,
          truncated == "keep",
          {static_cast<std::uint16_t>(window[0]), static_cast<std::uint16_t>(window[1])}};
}

double LearningRate::peak(std::int64_t batch_size) const {
  if (!lr_batch) return lr;
  const double ratio = static_cast<double>(batch_size) / static_cast<double>(*lr_batch);
  return lr * (lr_scaling == "sqrt" ? std::sqrt(ratio) : ratio);
}

const methods::MethodConfig* method_config(const Recipe& recipe) {
  return dynamic_cast<const methods::MethodConfig*>(recipe.method.config.get());
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
  f.list("augmentations",
         "groups of views",
         r.augmentations.size(),
         [&](config::Fields& s, std::size_t i) {
           if (i >= r.augmentations.size()) r.augmentations.resize(i + 1);
           bind(s, r.augmentations[i], r.data.channels);
         });
  const std::string problem = views_problem(r);
  f.check(
      "augmentations", problem.empty(), problem, "change augmentations[..].views, or the groups");
  const std::string mismatch = encoder_problem(r);
  f.check("encoder", mismatch.empty(), mismatch, "change encoder.name, or the views' size");
  f.required("optimizer");
  f.component("optimizer",
              "name",
              r.optimizer,
              optim::optimizer_specs(),
              "how the weights move",
              [&](config::Fields& s) {
                bind(s, r.learning_rate);
                s.optional_section(
                    "clip", r.has_clip, "how long gradients may be", [&](config::Fields& c) {
                      bind(c, r.clip);
                    });
              });
  for (const auto& [key, value] :
       {std::pair("optimizer.layer_decay", r.learning_rate.layer_decay),
        std::pair("optimizer.patch_embed_lr_scale", r.learning_rate.patch_embed_lr_scale)}) {
    f.check(key,
            value == 1 || has_patches(r),
            fmt::format("must be 1 for {}, which is no vision transformer", r.encoder.name),
            "leave it out");
  }
  f.section("schedule", "learning rate over time", [&](config::Fields& s) { bind(s, r.schedule); });
  f.section("train", "batch, precision, seed", [&](config::Fields& s) { bind(s, r.train); });
  const std::string unfit = batch_problem(r);
  f.check("train.batch_size", unfit.empty(), unfit, "change it, or the method's key");
  const std::string_view micro_only = full_negatives_problem(r);
  f.check("train.accumulate_negatives",
          micro_only.empty(),
          fmt::format("must be micro for {} ({})", r.method.name, micro_only),
          "leave it out");
  f.section("eval", "how good the features are, while they are learnt", [&](config::Fields& s) {
    s.optional_section("knn",
                       r.has_knn,
                       "k-NN on clean features, where data.train and data.val have labels",
                       [&](config::Fields& k) { bind(k, r.knn); });
  });
  f.section("checkpoint", "what a killed run goes on from", [&](config::Fields& s) {
    bind(s, r.checkpoint);
  });
  f.section("diagnostics", "what failing training does", [&](config::Fields& s) {
    s.choice("on_collapse",
             r.diagnostics.on_collapse,
             kOnCollapse,
             "what follows when nothing is learnt any more: a warning, or the end of the run");
  });
}

}  // namespace sslrun::recipe
