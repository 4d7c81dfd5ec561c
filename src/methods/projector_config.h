#pragma once
#include "config/fields.h"

#include <cstdint>
#include <string_view>

namespace sslrun::methods {

/// The recipe key `projector` of a method: the widths of the head that the loss sees.
struct ProjectorConfig {
  std::int64_t hidden_dim = 2048;
  std::int64_t output_dim = 128;

  void bind(config::Fields& fields, std::string_view doc) {
    fields.section("projector", doc, [this](config::Fields& f) {
      f.integer("hidden_dim", hidden_dim, {.min = 1}, "width of the hidden layers");
      f.integer("output_dim", output_dim, {.min = 1}, "width of the embedding");
    });
  }
};

}  // namespace sslrun::methods
