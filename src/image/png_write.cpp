#include "image/png_write.h"

#include "base/error.h"

#include <png.h>

#include <csetjmp>
#include <new>

namespace sslrun::image {

namespace {

struct Encoder {
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::string bytes;
  bool out_of_memory = false;

  Encoder() = default;

  ~Encoder() { png_destroy_write_struct(&png, &info); }

  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
};

extern "C" {

[[noreturn]] static void on_write_error(png_structp png, png_const_charp) {
  png_longjmp(png, 1);
}

static void on_write_warning(png_structp, png_const_charp) {}

static void append_bytes(png_structp png, png_bytep from, std::size_t count) {
  auto& encoder = *static_cast<Encoder*>(png_get_io_ptr(png));
  try {
    encoder.bytes.append(reinterpret_cast<const char*>(from), count);
    return;
  } catch (const std::bad_alloc&) {
    encoder.out_of_memory = true;
  }
  png_error(png, "out of memory");
}

static void flush_nothing(png_structp) {}

}  // extern "C"

// false: libpng gave up. Holds no object with a destructor: errors arrive by longjmp.
bool write_all(Encoder& encoder, const Image& image) {
  if (setjmp(png_jmpbuf(encoder.png)) != 0) return false;
  const int color = image.channels == 1   ? PNG_COLOR_TYPE_GRAY
                    : image.channels == 3 ? PNG_COLOR_TYPE_RGB
                                          : PNG_COLOR_TYPE_RGB_ALPHA;
  png_set_write_fn(encoder.png, &encoder, append_bytes, flush_nothing);
  png_set_IHDR(encoder.png,
               encoder.info,
               static_cast<png_uint_32>(image.width),
               static_cast<png_uint_32>(image.height),
               8,
               color,
               PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_write_info(encoder.png, encoder.info);
  for (std::int64_t y = 0; y < image.height; ++y) {
    png_write_row(encoder.png, image.pixels.data() + y * image.width * image.channels);
  }
  png_write_end(encoder.png, encoder.info);
  return true;
}

}  // namespace

std::string encode_png(const Image& image) {
  const std::int64_t c = image.channels;
  check_invariant(c == 1 || c == 3 || c == 4, "a png has 1, 3 or 4 channels");
  check_invariant(image.width >= 1 && image.height >= 1 && image.width <= 1'000'000 &&
                      image.height <= 1'000'000,
                  "the sides of a png are 1 to 1000000 pixels");
  check_invariant(static_cast<std::int64_t>(image.pixels.size()) == image.width * image.height * c,
                  "an image has width * height * channels bytes");
  Encoder encoder;
  encoder.png =
      png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, on_write_error, on_write_warning);
  if (encoder.png == nullptr) throw std::bad_alloc();
  encoder.info = png_create_info_struct(encoder.png);
  if (encoder.info == nullptr) throw std::bad_alloc();
  const bool written = write_all(encoder, image);
  if (encoder.out_of_memory) throw std::bad_alloc();
  check_invariant(written, "libpng encodes every image of an accepted shape");
  return std::move(encoder.bytes);
}

}  // namespace sslrun::image
