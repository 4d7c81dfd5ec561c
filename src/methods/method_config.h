#pragma once
#include "config/component.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace sslrun::methods {

/// What a method needs of the views of an image, all groups together; checked when a recipe is
/// read.
struct ViewNeeds {
  std::int64_t min_views = 1;
  std::int64_t max_views = 1;
  bool same_size = false;         // the views go through the encoder as one batch
  std::int64_t global_views = 0;  // so many views at the start are of one size, the rest of any
  std::string_view task = "";     // operation of each group that makes the classes to predict
  std::int64_t classes = 0;       // how many the task must have
  bool patches =
      false;  // the method hides or predicts patches: the encoder is a vision transformer
  bool class_token = false;  // the method trains the class token of that
  bool labels = false;       // the method learns from the images' classes
};

/// The keys of a method: what every METHOD of methods.def makes.
struct MethodConfig : config::Component {
  virtual ViewNeeds view_needs() const = 0;

  /// Where in the method's state the encoder lies that is evaluated and exported.
  virtual std::string_view evaluated() const { return "encoder"; }

  /// What is wrong with square views of `side` pixels cut into patches of patch_size, which divides
  /// it, as "must ..", or "". Asked where view_needs().patches.
  virtual std::string patch_problem(std::int64_t side, std::int64_t patch_size) const {
    static_cast<void>(side);
    static_cast<void>(patch_size);
    return "";
  }

  /// What else than the learning rate to change where the embeddings collapse, or "".
  virtual std::string_view collapse_advice() const { return ""; }

  /// What is wrong with steps of batch_size images, micro_batch at a time, as "must ..", or "".
  virtual std::string batch_problem(std::int64_t batch_size, std::int64_t micro_batch) const {
    static_cast<void>(batch_size);
    static_cast<void>(micro_batch);
    return "";
  }

  /// Why a method does not compare each image with those of all micro-batches, or "" where it does
  /// (train.accumulate_negatives).
  virtual std::string_view full_negatives_problem() const { return "it has no negatives"; }

  /// What is wrong with training in so many processes, as "must ..", or "".
  virtual std::string ranks_problem(std::int64_t ranks) const {
    static_cast<void>(ranks);
    return "";
  }

  /// Training images that the method needs at least.
  virtual std::int64_t min_images() const { return 1; }
};

}  // namespace sslrun::methods
