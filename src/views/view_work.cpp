#include "views/view_work.h"

namespace sslrun::views {

std::vector<data::ViewSize> ViewWork::view_sizes() const {
  std::vector<data::ViewSize> sizes;
  for (std::int64_t v = 0; v < pipeline_.num_views(); ++v)
    sizes.push_back({pipeline_.form(v).size(), pipeline_.form(v).targets});
  return sizes;
}

void ViewWork::run(const image::Image& image,
                   std::int64_t epoch,
                   std::int64_t sample,
                   std::int64_t slot,
                   data::Batch& batch) {
  for (std::int64_t v = 0; v < pipeline_.num_views(); ++v) {
    const auto i = static_cast<std::size_t>(v);
    const ViewForm& form = pipeline_.form(v);
    pipeline_.run(image,
                  epoch,
                  sample,
                  v,
                  batch.views[i].data() + slot * form.size(),
                  batch.targets[i].data() + slot * form.targets);
  }
}

}  // namespace sslrun::views
