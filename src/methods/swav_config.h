#pragma once
#include "methods/method_config.h"
#include "methods/projector_config.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace sslrun::methods {

/// The own keys of SwAV.
struct SwavConfig final : MethodConfig {
  double temperature = 0.1;
  std::int64_t prototypes = 3000;
  double epsilon = 0.05;
  std::int64_t sinkhorn_iterations = 3;
  ProjectorConfig projector{2048, 128};
  std::int64_t freeze_prototypes_epochs = 1;
  std::int64_t queue = 0;
  std::int64_t queue_from_epoch = 15;

  void bind(config::Fields& fields) override;

  ViewNeeds view_needs() const override {
    return {.min_views = 2, .max_views = 10, .global_views = 2};
  }

  std::string_view collapse_advice() const override {
    return "lower method.epsilon, or method.prototypes where there are few images";
  }

  std::string batch_problem(std::int64_t batch_size, std::int64_t micro_batch) const override;
};

const config::ComponentSpec& method_spec_swav();

}  // namespace sslrun::methods
