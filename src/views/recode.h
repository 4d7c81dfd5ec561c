// Image files written anew: smaller, or as JPEG.
#pragma once
#include "data/pack.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace sslrun::views {

struct RecodeOptions {
  std::int64_t short_side = 0;  // longer ones are resized to it (Pillow's bicubic); 0: none
  int quality = 0;              // everything becomes JPEG of this quality; 0: only what is resized
                                // changes, a JPEG to JPEG of quality 90, another format to PNG

  /// The options in words, alike for alike ones; empty where nothing changes.
  std::string words() const;
};

/// Writes an image file anew, upright, gray ones with one channel, JPEG with chroma of half the
/// resolution. Nothing where its bytes stay: nothing is asked of it; or 8 opaque bits a channel cannot
/// hold it (transparency, 16 bits). errors: image::BadImage.
std::optional<data::Recoded> recode(std::span<const std::byte> bytes, const RecodeOptions& options);

}  // namespace sslrun::views
