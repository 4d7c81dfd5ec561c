#pragma once
#include "methods/method_config.h"
#include "methods/projector_config.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace sslrun::methods {

/// NNCLR's own keys.
struct NnclrConfig final : MethodConfig {
  double temperature = 0.1;
  std::int64_t queue = 98304;
  ProjectorConfig projector{.hidden_dim = 2048, .output_dim = 256};
  std::int64_t predictor_hidden_dim = 4096;

  void bind(config::Fields& fields) override;

  std::string_view collapse_advice() const override { return "raise method.temperature"; }

  std::string_view full_negatives_problem() const override { return ""; }

  ViewNeeds view_needs() const override {
    return {.min_views = 2, .max_views = 2, .same_size = false};
  }

  std::string batch_problem(std::int64_t batch_size, std::int64_t micro_batch) const override;
};

const config::ComponentSpec& method_spec_nnclr();

}  // namespace sslrun::methods
