// Small images that fit in memory whole: what IDX and CIFAR files hold.
#pragma once
#include "data/source.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sslrun::data {

/// Everything a memory source holds.
/// shapes: pixels [num_images, channels, height, width] (planes, as CIFAR stores them; channels 1
/// or 3), labels [num_images] or empty. origin names the file in messages.
struct MemoryImages {
  std::string origin;
  std::int64_t num_images = 0;
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::int64_t channels = 0;
  /// Returns the pixels. Called once, from any thread, at the first read or fingerprint.
  std::function<std::vector<std::uint8_t>()> load;
  std::vector<std::int64_t> labels;
  std::vector<std::string> class_names;
};

/// A Source of images that are all in memory after the first read. What load throws reaches that
/// reader and every later one. errors: DataError when there is no image.
std::unique_ptr<Source> make_memory_source(MemoryImages images, const image::PixelFormat& pixels);

}  // namespace sslrun::data
