#include "image/png_read.h"

#include "image/bad_image.h"
#include "image/composite.h"
#include "image/orientation.h"

#include <png.h>

#include <bit>
#include <csetjmp>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace sslrun::image {

namespace {

// libpng's state for one image. Errors leave libpng by longjmp: the functions that call setjmp
// below hold no object with a destructor, and this struct outlives them.
struct Decoder {
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::span<const std::byte> rest;
  char message[160] = {};
  bool truncated = false;

  Decoder() = default;

  ~Decoder() { png_destroy_read_struct(&png, &info, nullptr); }

  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
};

extern "C" {

[[noreturn]] static void on_png_error(png_structp png, png_const_charp text) {
  auto& decoder = *static_cast<Decoder*>(png_get_error_ptr(png));
  std::strncpy(decoder.message, text, sizeof decoder.message - 1);
  png_longjmp(png, 1);
}

static void on_png_warning(png_structp, png_const_charp) {}

static void read_bytes(png_structp png, png_bytep to, std::size_t count) {
  auto& decoder = *static_cast<Decoder*>(png_get_io_ptr(png));
  if (count > decoder.rest.size()) {
    decoder.truncated = true;
    png_error(png, "the file ends inside a chunk");
  }
  std::memcpy(to, decoder.rest.data(), count);
  decoder.rest = decoder.rest.subspan(count);
}

}  // extern "C"

// false: libpng gave up; decoder says why.
bool read_header(Decoder& decoder) {
  if (setjmp(png_jmpbuf(decoder.png)) != 0) return false;
  png_set_user_limits(
      decoder.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // the cap on the area is ours
  png_set_read_fn(decoder.png, &decoder, read_bytes);
  png_read_info(decoder.png, decoder.info);
  return true;
}

// Asks for RGB or RGBA rows of 8 or 16 bits whatever the file holds; or, where as many channels are
// wanted as no picture has, for the file's own.
bool set_transforms(Decoder& decoder, const PixelFormat& format) {
  if (setjmp(png_jmpbuf(decoder.png)) != 0) return false;
  png_set_expand(decoder.png);  // palette, 1-2-4 bit gray, tRNS to alpha
  if (format.bits == 16) {
    png_set_expand_16(decoder.png);
    if (std::endian::native == std::endian::little) png_set_swap(decoder.png);
  } else {
    png_set_scale_16(decoder.png);
  }
  if (is_picture(format)) png_set_gray_to_rgb(decoder.png);
  png_set_interlace_handling(decoder.png);
  png_read_update_info(decoder.png, decoder.info);
  return true;
}

bool read_rows(Decoder& decoder, png_bytepp rows) {
  if (setjmp(png_jmpbuf(decoder.png)) != 0) return false;
  png_read_image(decoder.png, rows);
  png_read_end(decoder.png, decoder.info);
  return true;
}

[[noreturn]] void throw_reason(const Decoder& decoder) {
  throw BadImage((decoder.truncated ? "truncated: " : "corrupt: ") + std::string(decoder.message));
}

int chunk_orientation(Decoder& decoder) {
#ifdef PNG_eXIf_SUPPORTED
  png_uint_32 size = 0;
  png_bytep exif = nullptr;
  if (png_get_eXIf_1(decoder.png, decoder.info, &size, &exif) != 0 && exif != nullptr) {
    return exif_orientation(std::as_bytes(std::span(exif, size)));
  }
#endif
  return 1;
}

}  // namespace

int decode_png(std::span<const std::byte> bytes, const PixelFormat& format, Image& out) {
  Decoder decoder;
  decoder.rest = bytes;
  decoder.png =
      png_create_read_struct(PNG_LIBPNG_VER_STRING, &decoder, on_png_error, on_png_warning);
  if (decoder.png == nullptr) throw std::bad_alloc();
  decoder.info = png_create_info_struct(decoder.png);
  if (decoder.info == nullptr) throw std::bad_alloc();
  if (!read_header(decoder)) throw_reason(decoder);
  const std::int64_t width = png_get_image_width(decoder.png, decoder.info);
  const std::int64_t height = png_get_image_height(decoder.png, decoder.info);
  check_size(width, height);
  const std::int64_t pixel_bits =
      png_get_channels(decoder.png, decoder.info) * png_get_bit_depth(decoder.png, decoder.info);
  check_density(width * height * pixel_bits / 8, bytes.size(), kDeflateDensity);
  if (!set_transforms(decoder, format)) throw_reason(decoder);
  const std::int64_t channels = png_get_channels(decoder.png, decoder.info);
  out.reshape(width, height, channels, format.bits);
  std::vector<png_bytep> rows(static_cast<std::size_t>(height));
  for (std::int64_t y = 0; y < height; ++y) {
    rows[static_cast<std::size_t>(y)] = out.pixels.data() + y * width * out.stride();
  }
  if (!read_rows(decoder, rows.data())) throw_reason(decoder);
  if (is_picture(format)) to_rgb(out, format.background);
  return chunk_orientation(decoder);
}

}  // namespace sslrun::image
