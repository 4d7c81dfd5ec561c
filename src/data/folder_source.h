// A folder of image files at any depth.
#pragma once
#include "data/source.h"

#include <memory>
#include <string>

namespace sslrun::data {

/// Files of a folder, as index_folder() finds them, sorted by the bytes of their path below it.
/// Labels: the folder of the first level, when no image lies directly in root; classes sorted by
/// bytes. A file that holds other bytes than when it was first read through this source is a bad
/// image: it was replaced meanwhile.
/// errors    DataError when root is no readable folder or holds no image.
std::unique_ptr<Source> open_folder(const std::string& root, const image::PixelFormat& pixels);

}  // namespace sslrun::data
