// The views of an image: which operations run, on which random numbers.
#pragma once
#include "image/image.h"
#include "views/normalize.h"
#include "views/view_group.h"
#include "views/view_op.h"
#include "views/view_plan.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sslrun::views {

/// Makes the views of a recipe's augmentations; view v belongs to the group that v falls in,
/// counted through them. A view depends on (image, seed, epoch, sample, v) alone: its operations
/// draw, in their order, from Rng(seed, Purpose::kView, epoch, sample, v).
class Pipeline {
 public:
  /// channels: of the images and the views.
  /// errors    Error with exit code 3, naming augmentations[i].ops, for a list that ops_problem or
  ///           channels_problem refuses or no view.
  Pipeline(const std::vector<ViewGroup>& groups, std::uint32_t seed, std::int64_t channels = 3);

  std::int64_t num_views() const { return static_cast<std::int64_t>(views_.size()); }

  const ViewForm& form(std::int64_t view) const { return plan(view).form; }

  /// Of each picture of the view.
  ViewShape shape(std::int64_t view) const { return form(view).shape; }

  /// Side of the square that the crop makes: the view's own, but where a TaskOp cuts it up.
  std::int64_t crop_side(std::int64_t view) const { return plan(view).crop->side(); }

  /// What normalize used: a preview undoes it.
  ChannelStats stats(std::int64_t view) const { return plan(view).stats; }

  /// The smallest box of a [height, width] image that holds what all its views look at.
  image::Box wanted(std::int64_t height,
                    std::int64_t width,
                    std::int64_t epoch,
                    std::int64_t sample) const;

  /// The first operation that only the CPU can do, or "" where the batched kernels can make all
  /// views.
  const std::string& cpu_only() const { return cpu_only_; }

  /// What run() would do to a [height, width] image, from the same random numbers. Needs cpu_only()
  /// to be "".
  ViewPlan plan_view(std::int64_t height,
                     std::int64_t width,
                     std::int64_t epoch,
                     std::int64_t sample,
                     std::int64_t view) const;

  /// Makes one view. shapes: image [h, w, channels] of any size >= 1 or the wanted part of it;
  /// out_HWC [pictures, height, width, channels] of form(view), float32, dense; targets
  /// [form(view).targets]. Thread-safe; allocates nothing once the calling thread has met its
  /// largest view and crop.
  void run(const image::Image& image,
           std::int64_t epoch,
           std::int64_t sample,
           std::int64_t view,
           float* out_HWC,
           std::int64_t* targets) const;

 private:
  struct Plan {
    ViewForm form;
    ChannelStats stats;
    std::shared_ptr<const CropOp> crop;
    std::vector<std::shared_ptr<const ViewOp>> ops;  // the crop first
  };

  Rng rng_of(std::int64_t epoch, std::int64_t sample, std::int64_t view) const;

  const Plan& plan(std::int64_t view) const { return *views_.at(static_cast<std::size_t>(view)); }

  std::string find_cpu_only(const std::vector<ViewGroup>& groups) const;

  std::uint32_t seed_;
  std::string cpu_only_;
  std::vector<std::shared_ptr<const Plan>> views_;
};

}  // namespace sslrun::views
