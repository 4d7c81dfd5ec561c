// Numbers in a file's bytes, checked against its end.
#pragma once
#include "image/bad_image.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace sslrun::image {

/// The little-endian number of `size` (1..4) bytes at `offset`. errors: BadImage past the end.
inline std::uint32_t little_endian(std::span<const std::byte> bytes,
                                   std::size_t offset,
                                   std::size_t size) {
  if (offset > bytes.size() || size > bytes.size() - offset)
    throw BadImage("truncated: the file ends inside its header");
  std::uint32_t value = 0;
  for (std::size_t i = size; i-- > 0;)
    value = value << 8 | static_cast<std::uint32_t>(bytes[offset + i]);
  return value;
}

}  // namespace sslrun::image
