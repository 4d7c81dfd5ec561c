// The views of a batch, as tensors on the training device, whoever makes them.
#pragma once
#include "data/loader.h"
#include "recipe/recipe.h"
#include "views/packed_work.h"
#include "views/pipeline.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sslrun::train {

/// Why the CPU makes the views, or "" where the GPU does. Decided once for a run, for all views.
std::string why_cpu_views(const views::Pipeline& pipeline,
                          const recipe::Recipe& recipe,
                          at::Device device);

class ViewPath {
 public:
  virtual ~ViewPath() = default;

  /// What the loader's threads do.
  virtual data::SampleWork& work() = 0;
  /// The views below are this batch's from now on, until the loader's next one.
  virtual void load(const data::Batch& batch) = 0;
  /// View v of images first, first + 1, ... shapes: [images * pictures, C, H, W] float32, channels
  /// last, on the device.
  virtual at::Tensor view(std::int64_t v, std::int64_t first, std::int64_t images) const = 0;
  /// All views of the first images, as data::Batch::views has them.
  virtual std::vector<data::ViewBuffer> first(std::int64_t images) const = 0;
};

/// Views from the loader's threads, copied to the device. pipeline outlives the path.
std::unique_ptr<ViewPath> make_cpu_path(const views::Pipeline& pipeline, at::Device device);

/// Views that the device makes of packed images; slots: images of a batch. Needs
/// pipeline.cpu_only() to be "" and images of 8 bits. A device other than a GPU makes the same views,
/// slowly.
std::unique_ptr<ViewPath> make_packed_path(const views::Pipeline& pipeline,
                                           std::int64_t slots,
                                           at::Device device);

/// The path that why_cpu_views() speaks for; slots: images of a batch.
std::unique_ptr<ViewPath> make_view_path(const views::Pipeline& pipeline,
                                         const recipe::Recipe& recipe,
                                         std::int64_t slots,
                                         at::Device device);

}  // namespace sslrun::train
