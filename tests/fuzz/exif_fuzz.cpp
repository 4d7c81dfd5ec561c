// exif_orientation() on an EXIF block.
#include "base/error.h"
#include "image/orientation.h"

#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int orientation = sslrun::image::exif_orientation(std::as_bytes(std::span(data, size)));
  sslrun::check_invariant(orientation >= 1 && orientation <= 8, "an orientation is 1..8");
  return 0;
}
