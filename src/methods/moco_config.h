#pragma once
#include "methods/method_config.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sslrun::methods {

/// The own keys of MoCo v1 and v2.
struct MoCoConfig final : MethodConfig {
  double temperature = 0.2;
  double momentum = 0.999;
  std::optional<double> momentum_end;  // absent: it stays
  std::int64_t queue = 65536;
  std::int64_t output_dim = 128;
  bool mlp = true;
  std::optional<std::int64_t> hidden_dim;  // absent: the encoder's width
  bool symmetric = false;
  std::int64_t split_bn = 1;

  void bind(config::Fields& fields) override;

  std::string_view collapse_advice() const override { return "raise method.momentum"; }

  std::string_view full_negatives_problem() const override {
    return "its negatives are the keys of past batches, the same in every micro-batch";
  }

  ViewNeeds view_needs() const override {
    return {.min_views = 2, .max_views = 2, .same_size = false};
  }

  std::string batch_problem(std::int64_t batch_size, std::int64_t micro_batch) const override;
  std::string ranks_problem(std::int64_t ranks) const override;
};

const config::ComponentSpec& method_spec_moco();

}  // namespace sslrun::methods
