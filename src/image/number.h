// Numbers in a file's bytes, checked against its end.
#pragma once
#include "image/bad_image.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sslrun::image {

/// The number of `size` (1..4) bytes at `offset`. errors: BadImage past the end.
inline std::uint32_t number_at(std::span<const std::byte> bytes,
                               std::size_t offset,
                               std::size_t size,
                               std::endian order) {
  if (offset > bytes.size() || size > bytes.size() - offset)
    throw BadImage("truncated: the file ends inside its header");
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t place = order == std::endian::big ? offset + i : offset + size - 1 - i;
    value = value << 8 | std::to_integer<std::uint32_t>(bytes[place]);
  }
  return value;
}

}  // namespace sslrun::image
