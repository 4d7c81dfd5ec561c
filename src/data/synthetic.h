// Images without files: drawn shapes.
#pragma once
#include "data/source.h"

#include <memory>
#include <string>
#include <string_view>

namespace sslrun::data {

/// Whether the path stands for drawn images: "synthetic", or begins with "synthetic:".
bool is_synthetic(std::string_view path);

/// Opens "synthetic:COUNTxSIDE": COUNT images of SIDE x SIDE pixels, "synthetic:COUNT" of 96 x 96,
/// "synthetic" 10,000 of these. Each shows one of ten shapes, which is its label, in any place, size,
/// direction and colour on a ground of two colours with grain. Image i depends on i, SIDE and split
/// alone; shape i % 10.
/// errors    DataError where COUNT is not 1 to 2^31 - 1, or SIDE not 8 to 4096.
std::unique_ptr<Source> open_synthetic(const std::string& path,
                                       Split split,
                                       const image::PixelFormat& pixels);

}  // namespace sslrun::data
