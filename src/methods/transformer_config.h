#pragma once
#include "config/fields.h"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

namespace sslrun::methods {

/// A recipe key of a method that sizes the transformer it trains beside the encoder.
struct TransformerConfig {
  std::int64_t width = 512;
  std::int64_t depth = 8;
  std::int64_t heads = 16;

  void bind(config::Fields& fields, std::string_view key, std::string_view doc) {
    fields.section(key, doc, [this](config::Fields& f) {
      f.integer("width", width, {.min = 4}, "features of a patch inside");
      f.check("width",
              width % 4 == 0,
              fmt::format("must be a multiple of 4, got {}", width),
              "sin-cos positions have four equal parts");
      f.integer("depth", depth, {.min = 1}, "blocks");
      f.integer("heads", heads, {.min = 1}, "attention heads");
      f.check("heads",
              width % heads == 0,
              fmt::format("must divide the width {}, got {}", width, heads),
              "each head has its share of the features");
    });
  }
};

}  // namespace sslrun::methods
