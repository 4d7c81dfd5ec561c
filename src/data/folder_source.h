// A folder of image files at any depth.
#pragma once
#include "data/source.h"

#include <memory>
#include <string>

namespace sslrun::data {

/// Files of a folder, sorted by the bytes of their path below it. Taken: names with an image's
/// extension (also of formats that cannot be read, so that they are reported) and every other file
/// whose first bytes are those of a format that is read. Names that start with a dot are left out.
/// Links to files and folders are followed, a loop is entered once. Labels: the folder of the first
/// level, when no image lies directly in root; classes sorted by bytes.
/// errors    DataError when root is no readable folder or holds no image.
std::unique_ptr<Source> open_folder(const std::string& root, const image::PixelFormat& pixels);

}  // namespace sslrun::data
