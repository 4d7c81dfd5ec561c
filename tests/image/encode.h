// Files made in memory for the decoder's tests, by libjpeg and libpng.
#pragma once
#include <jpeglib.h>
#include <png.h>

#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

namespace sslrun::test {

struct JpegOptions {
  int channels = 3;  // 1 gray, 3 RGB, 4 CMYK
  J_COLOR_SPACE stored = JCS_YCbCr;
  bool progressive = false;
  std::string exif = {};  // APP1 payload
  bool adobe = true;
  int h_samp = 1, v_samp = 1;  // of the first component: 2, 2 halves the others' resolution
};

/// JPEG, quality 95, no chroma subsampling unless asked for. pixels [height, width, channels].
inline std::string make_jpeg(const std::vector<std::uint8_t>& pixels,
                             int width,
                             int height,
                             JpegOptions options = {}) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &bytes, &size);
  info.image_width = static_cast<JDIMENSION>(width);
  info.image_height = static_cast<JDIMENSION>(height);
  info.input_components = options.channels;
  info.in_color_space = options.channels == 1   ? JCS_GRAYSCALE
                        : options.channels == 3 ? JCS_RGB
                                                : JCS_CMYK;
  jpeg_set_defaults(&info);
  jpeg_set_colorspace(&info, options.stored);
  jpeg_set_quality(&info, 95, TRUE);
  info.comp_info[0].h_samp_factor = options.h_samp;
  info.comp_info[0].v_samp_factor = options.v_samp;
  info.write_Adobe_marker = options.adobe ? info.write_Adobe_marker : FALSE;
  if (options.progressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  if (!options.exif.empty()) {
    jpeg_write_marker(&info,
                      JPEG_APP0 + 1,
                      reinterpret_cast<const JOCTET*>(options.exif.data()),
                      static_cast<unsigned>(options.exif.size()));
  }
  while (info.next_scanline < info.image_height) {
    auto* row = const_cast<JSAMPROW>(pixels.data() +
                                     info.next_scanline * info.image_width * options.channels);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  std::string result(reinterpret_cast<char*>(bytes), size);
  jpeg_destroy_compress(&info);
  std::free(bytes);
  return result;
}

struct PngOptions {
  int color = PNG_COLOR_TYPE_RGB;
  int bits = 8;
  bool interlaced = false;
  std::vector<png_color> palette = {};
  std::vector<std::uint8_t> palette_alpha = {};
  std::string exif = {};
};

/// PNG whose rows hold the given bytes as they are. rows [height, row_bytes].
inline std::string make_png(const std::vector<std::uint8_t>& rows,
                            int width,
                            int height,
                            const PngOptions& o = {}) {
  std::string result;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png,
      &result,
      [](png_structp p, png_bytep from, std::size_t n) {
        static_cast<std::string*>(png_get_io_ptr(p))->append(reinterpret_cast<char*>(from), n);
      },
      [](png_structp) {});
  png_set_IHDR(png,
               info,
               static_cast<png_uint_32>(width),
               static_cast<png_uint_32>(height),
               o.bits,
               o.color,
               o.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  if (!o.palette.empty())
    png_set_PLTE(png, info, o.palette.data(), static_cast<int>(o.palette.size()));
  if (!o.palette_alpha.empty()) {
    png_set_tRNS(
        png, info, o.palette_alpha.data(), static_cast<int>(o.palette_alpha.size()), nullptr);
  }
  if (!o.exif.empty()) {
    auto* exif = reinterpret_cast<png_bytep>(const_cast<char*>(o.exif.data()));
    png_set_eXIf_1(png, info, static_cast<png_uint_32>(o.exif.size()), exif);
  }
  png_write_info(png, info);
  const std::size_t row_bytes = rows.size() / static_cast<std::size_t>(height);
  std::vector<png_bytep> pointers;
  for (int y = 0; y < height; ++y) {
    pointers.push_back(
        const_cast<png_bytep>(rows.data() + static_cast<std::size_t>(y) * row_bytes));
  }
  png_write_image(png, pointers.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return result;
}

/// TIFF header and one entry: the orientation. The payload of a PNG's eXIf; a JPEG's APP1 puts
/// "Exif\0\0" before it.
inline std::string exif_block(int orientation, bool big_endian) {
  const char o = static_cast<char>(orientation);
  if (big_endian) {
    return std::string("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", 19) + o +
           std::string(6, '\0');
  }
  return std::string("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 18) + o +
         std::string(7, '\0');
}

/// Smooth colours: what JPEG keeps to a few levels. [height, width, channels]
inline std::vector<std::uint8_t> gradient(int width, int height, int channels) {
  std::vector<std::uint8_t> pixels;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        pixels.push_back(static_cast<std::uint8_t>(30 + (c == 0   ? 4 * x
                                                         : c == 1 ? 4 * y
                                                         : c == 2 ? 2 * (x + y)
                                                                  : 60)));
      }
    }
  }
  return pixels;
}

}  // namespace sslrun::test
