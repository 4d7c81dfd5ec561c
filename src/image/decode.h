// Bytes of an image file -> pixels.
#pragma once
#include "image/bad_image.h"
#include "image/image.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace sslrun::image {

enum class Format { kUnknown, kJpeg, kPng, kWebp, kTiff, kGif, kBmp, kPnm };

/// How many of a file's first bytes tell its format.
constexpr std::size_t kSniffBytes = 12;

/// Format told by the first kSniffBytes bytes, never by a file name.
Format sniff(std::span<const std::byte> head);

/// Decodes a whole file's bytes into out. shapes: out [height, width, format.channels].
/// JPEG      baseline and progressive; gray, YCbCr, RGB, CMYK and YCCK (Adobe's inverted inks
///           handled, ICC ignored)
/// PNG       palette, gray, 16 bits, interlaced
/// WebP      lossy and lossless; the first frame of an animation
/// TIFF      strips and tiles, contiguous or separate planes, 8 and 16 bits gray and RGB, every
///           compression that libtiff has; palettes, 1 to 4 bits, YCbCr, CMYK as libtiff converts
///           them; the first page. Where format.channels is neither 1 nor 3: any 8 or 16 bit
///           samples, as they are
/// GIF       the first frame, on its screen
/// BMP       1 to 32 bits, without run-length coding
/// PNM       P1 to P6
/// 16 bits are scaled to 8 and rounded to nearest unless format.bits is 16; alpha is composited on
/// the format's background, which also shows where a first frame leaves the screen open (with 4
/// channels, alpha of a PNG or TIFF is the fourth). The EXIF or TIFF orientation is applied: out is upright.
/// A JPEG that was cut is bad unless format.keep_truncated: then what the file lacks is gray (baseline)
/// or blurred (progressive), as libjpeg fills it in; a file cut in its header, and every other format,
/// is bad all the same.
/// format.window: levels are spread at 16 bits, before they become 8.
/// wanted: what will be looked at; of an upright JPEG only this is made, pixel by pixel as in the
/// whole image (what else out holds around it is unspecified); other images are decoded whole.
/// errors    BadImage for what is cut, corrupt, larger than kMaxPixels or of another format or
///           number of channels (out is
///           then unspecified); std::bad_alloc. Thread-safe on distinct out.
void decode(std::span<const std::byte> bytes,
            const PixelFormat& format,
            const Wanted& wanted,
            Image& out);

/// All of an image, as RGB of 8 bits on white.
inline void decode(std::span<const std::byte> bytes, Image& out) {
  decode(bytes, {}, {}, out);
}

}  // namespace sslrun::image
