#include "image/jpeg_write.h"

#include "base/error.h"

#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <new>
// jpeglib.h needs <cstdio> before it.
#include <jpeglib.h>

namespace sslrun::image {
namespace {

// libjpeg leaves by longjmp where memory ends; the function that calls setjmp holds no object with
// a destructor.
struct Encoder {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  std::jmp_buf escape{};
  unsigned char* bytes = nullptr;
  unsigned long size = 0;

  Encoder() = default;

  ~Encoder() {
    jpeg_destroy_compress(&info);
    std::free(bytes);
  }

  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
};

[[noreturn]] void on_error(j_common_ptr common) {
  std::longjmp(static_cast<Encoder*>(common->client_data)->escape, 1);
}

bool encode(Encoder& e, const Image& image, int quality, Chroma chroma) {
  if (setjmp(e.escape) != 0) return false;
  jpeg_create_compress(&e.info);
  e.info.client_data = &e;
  jpeg_mem_dest(&e.info, &e.bytes, &e.size);
  e.info.image_width = static_cast<JDIMENSION>(image.width);
  e.info.image_height = static_cast<JDIMENSION>(image.height);
  e.info.input_components = static_cast<int>(image.channels);
  e.info.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&e.info);
  jpeg_set_quality(&e.info, quality, TRUE);
  if (chroma == Chroma::kFull)
    e.info.comp_info[0].h_samp_factor = e.info.comp_info[0].v_samp_factor = 1;
  jpeg_start_compress(&e.info, TRUE);
  while (e.info.next_scanline < e.info.image_height) {
    auto* row = const_cast<JSAMPROW>(image.pixels.data() +
                                     static_cast<std::ptrdiff_t>(e.info.next_scanline) *
                                         image.width * image.channels);
    jpeg_write_scanlines(&e.info, &row, 1);
  }
  jpeg_finish_compress(&e.info);
  return true;
}

}  // namespace

std::string encode_jpeg(const Image& image, int quality, Chroma chroma) {
  check_invariant((image.channels == 1 || image.channels == 3) && image.bits == 8 &&
                      image.width >= 1 && image.height >= 1 && image.width <= JPEG_MAX_DIMENSION &&
                      image.height <= JPEG_MAX_DIMENSION,
                  "a JPEG has 1 or 3 channels of 8 bits and sides of 1 to 65500");
  Encoder encoder;
  encoder.info.err = jpeg_std_error(&encoder.errors);
  encoder.info.client_data = &encoder;
  encoder.errors.error_exit = on_error;
  if (!encode(encoder, image, quality, chroma)) throw std::bad_alloc();
  return {reinterpret_cast<const char*>(encoder.bytes), encoder.size};
}

}  // namespace sslrun::image
