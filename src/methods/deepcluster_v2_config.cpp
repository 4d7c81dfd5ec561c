#include "methods/deepcluster_v2_config.h"

#include "config/fields.h"

namespace sslrun::methods {

void DeepClusterV2Config::bind(config::Fields& fields) {
  fields.real(
      "temperature", temperature, {.min = 0, .open_min = true}, "of the predictions' softmax");
  fields.integer(
      "prototypes", prototypes, {.min = 2}, "clusters of each head: at most the training images");
  fields.integer("heads", heads, {.min = 1}, "clusterings, of the first and second view in turn");
  fields.integer("kmeans_iterations", kmeans_iterations, {.min = 1}, "at the start of each epoch");
  projector.bind(fields, "the head whose output is clustered");
}

const config::ComponentSpec& method_spec_deepcluster_v2() {
  static const config::ComponentSpec spec{
      "deepcluster_v2",
      "every view predicts the cluster that its image fell into, clustered anew each epoch",
      "Caron et al. 2020, arXiv:2006.09882, appendix D; Caron et al. 2018, arXiv:1807.05520",
      +[]() -> std::unique_ptr<config::Component> {
        return std::make_unique<DeepClusterV2Config>();
      }};
  return spec;
}

}  // namespace sslrun::methods
