#include "views/view_work.h"

namespace sslrun::views {

std::vector<std::int64_t> ViewWork::view_sizes() const {
  std::vector<std::int64_t> sizes;
  for (std::int64_t v = 0; v < pipeline_.num_views(); ++v)
    sizes.push_back(pipeline_.shape(v).size());
  return sizes;
}

void ViewWork::run(const image::Image& image,
                   std::int64_t epoch,
                   std::int64_t sample,
                   std::int64_t slot,
                   data::Batch& batch) {
  for (std::int64_t v = 0; v < pipeline_.num_views(); ++v) {
    float* out_HWC =
        batch.views[static_cast<std::size_t>(v)].data() + slot * pipeline_.shape(v).size();
    pipeline_.run(image, epoch, sample, v, out_HWC);
  }
}

}  // namespace sslrun::views
