// Bytes of an image file -> RGB pixels.
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

/// Decodes a whole file's bytes into out, always RGB, 8 bits: shapes out [height, width, 3].
/// JPEG      baseline and progressive; gray, YCbCr, RGB, CMYK and YCCK (Adobe's inverted inks
///           handled, ICC ignored)
/// PNG       palette, gray, 16 bits, interlaced
/// WebP      lossy and lossless; the first frame of an animation
/// TIFF      strips and tiles, contiguous or separate planes, 8 and 16 bits gray and RGB, every
///           compression that libtiff has; palettes, 1 to 4 bits, YCbCr, CMYK as libtiff converts
///           them; the first page
/// GIF       the first frame, on its screen
/// BMP       1 to 32 bits, without run-length coding
/// PNM       P1 to P6
/// 16 bits are scaled to 8 and rounded to nearest; alpha is composited on white; what a first frame
/// leaves open is white. The EXIF or TIFF orientation is applied: out is upright.
/// wanted: what will be looked at; of an upright JPEG only this is made, pixel by pixel as in the
/// whole image (what else out holds around it is unspecified); other images are decoded whole.
/// errors    BadImage for what is cut, corrupt, larger than kMaxPixels or of another format (out is
///           then unspecified); std::bad_alloc. Thread-safe on distinct out.
void decode(std::span<const std::byte> bytes, Image& out, const Wanted& wanted = {});

}  // namespace sslrun::image
