#pragma once
#include "methods/method_config.h"
#include "methods/projector_config.h"

#include <cstdint>

namespace sslrun::methods {

/// The own keys of DeepCluster-v2.
struct DeepClusterV2Config final : MethodConfig {
  double temperature = 0.1;
  std::int64_t prototypes = 3000;
  std::int64_t heads = 3;
  std::int64_t kmeans_iterations = 10;
  ProjectorConfig projector{2048, 128};

  void bind(config::Fields& fields) override;

  ViewNeeds view_needs() const override {
    return {.min_views = 2, .max_views = 10, .global_views = 2};
  }

  std::int64_t min_images() const override { return prototypes; }
};

const config::ComponentSpec& method_spec_deepcluster_v2();

}  // namespace sslrun::methods
