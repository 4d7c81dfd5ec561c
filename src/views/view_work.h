#pragma once
#include "data/batch.h"
#include "data/loader.h"
#include "views/pipeline.h"

#include <cstdint>
#include <vector>

namespace sslrun::views {

/// What the loader's threads do with an image in training: every view of the pipeline, into the
/// sample's slot.
class ViewWork final : public data::SampleWork {
 public:
  /// pipeline must outlive the work.
  explicit ViewWork(const Pipeline& pipeline) : pipeline_(pipeline) {}

  std::vector<data::ViewSize> view_sizes() const override;

  image::Box wanted(std::int64_t height,
                    std::int64_t width,
                    std::int64_t epoch,
                    std::int64_t sample) const override {
    return pipeline_.wanted(height, width, epoch, sample);
  }

  void run(const image::Image& image,
           std::int64_t epoch,
           std::int64_t sample,
           std::int64_t slot,
           data::Batch& batch) override;

 private:
  const Pipeline& pipeline_;
};

}  // namespace sslrun::views
