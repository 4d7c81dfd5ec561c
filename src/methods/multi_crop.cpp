#include "methods/multi_crop.h"

#include "ops/rows.h"

#include <vector>

namespace sslrun::methods {

at::Tensor multi_crop(const std::function<at::Tensor(const at::Tensor&)>& forward,
                      std::span<const at::Tensor> views) {
  std::vector<at::Tensor> features;
  for (std::size_t first = 0, last = 0; first < views.size(); first = last) {
    while (last < views.size() && views[last].sizes() == views[first].sizes()) ++last;
    features.push_back(forward(ops::cat_rows(views.subspan(first, last - first))));
  }
  return ops::cat_rows(features);
}

at::Tensor multi_crop(const encoders::Encoder& encoder, std::span<const at::Tensor> views) {
  return multi_crop([&](const at::Tensor& x_NCHW) { return encoder.forward(x_NCHW); }, views);
}

}  // namespace sslrun::methods
