// What the loader's threads do with an image where a GPU makes the views: draw, and pack.
#pragma once
#include "data/batch.h"
#include "data/loader.h"
#include "kernels/augment/view_batch.h"
#include "views/pipeline.h"

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <vector>

namespace sslrun::views {

/// Packs the part of each image that its views look at, and the tables that make the views of it.
/// What is packed, and so what the kernels make, depends on (image, seed, epoch, sample, view) alone
/// and equals what ViewWork makes.
class PackedWork final : public data::SampleWork {
 public:
  /// pipeline must outlive the work and have a form for the batched kernels (cpu_only()).
  /// num_slots: images of a batch. memory: of the packs.
  PackedWork(const Pipeline& pipeline, std::int64_t num_slots, std::pmr::memory_resource* memory);

  std::vector<data::ViewSize> view_sizes() const override;
  std::shared_ptr<data::BytePack> make_pack() const override;

  image::Box wanted(std::int64_t height,
                    std::int64_t width,
                    std::int64_t epoch,
                    std::int64_t sample) const override {
    return pipeline_.wanted(height, width, epoch, sample);
  }

  /// shapes: image of 8 bits a channel.
  void run(const image::Image& image,
           std::int64_t epoch,
           std::int64_t sample,
           std::int64_t slot,
           data::Batch& batch) override;

  /// Gives every view of a batch that the loader has delivered its place. The views of all samples
  /// lie view by view, [slots, H_v, W_v, channels] each, from out_place(v) on.
  kernels::ViewBatchSize finish(const data::Batch& batch) const;

  std::int64_t out_place(std::int64_t view) const {
    return out_places_[static_cast<std::size_t>(view)];
  }

 private:
  const Pipeline& pipeline_;
  std::int64_t num_slots_;
  std::pmr::memory_resource* memory_;
  std::vector<std::int64_t> out_places_;
  std::vector<std::int64_t> stats_places_;  // of each view, in the head
  std::int64_t head_bytes_ = 0;
};

}  // namespace sslrun::views
