// Small images that fit in memory whole: what IDX and CIFAR files hold.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/source.h"

namespace sslrun::data {

/// Everything a memory source holds.
/// shapes: pixels [images, channels, height, width] (planes, as CIFAR stores them; channels 1 or 3), labels [images]
/// or empty. origin names the file in messages.
struct MemoryImages {
  std::string origin;
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::int64_t channels = 0;
  std::vector<std::uint8_t> pixels;
  std::vector<std::int64_t> labels;
  std::vector<std::string> class_names;
};

/// A Source of images already in memory. errors: DataError when there is no image.
std::unique_ptr<Source> make_memory_source(MemoryImages images);

}  // namespace sslrun::data
