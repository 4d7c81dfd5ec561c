#include "image/jpeg.h"

#include "image/bad_image.h"
#include "image/orientation.h"

#include <fmt/format.h>

#include <algorithm>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>
#include <vector>
// These need <cstdio> before them.
#include <jerror.h>
#include <jpeglib.h>

namespace sslrun::image {

namespace {

constexpr int kMaxScans =
    500;  // as libjpeg-turbo's own LIMITSCANS: a small progressive file can hold a million
constexpr std::int64_t kMargin = 2;
// A Huffman-coded block of 8 x 8 takes a bit at least, and there is one for each 128 pixels at least:
// where two components are sampled 4 x 1 and 1 x 4.
constexpr std::int64_t kPixelsPerByte = 128 * 8;
constexpr int kExifMarker = JPEG_APP0 + 1;

// libjpeg's state for one image. Errors leave libjpeg by longjmp: the functions that call setjmp
// below hold no object with a destructor, and this struct outlives them.
struct Decoder {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf escape{};
  char message[JMSG_LENGTH_MAX] = {};
  int code = 0;  // libjpeg's message number of the first mistake, 0: none
  bool too_many_scans = false;
  bool keep_cut = false;

  Decoder() = default;

  ~Decoder() { jpeg_destroy_decompress(&info); }

  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  void record(j_common_ptr common) {
    if (code != 0) return;
    code = common->err->msg_code;
    common->err->format_message(common, message);
  }

  bool is_cut() const {
    return code == JWRN_JPEG_EOF || code == JERR_INPUT_EOF || code == JERR_INPUT_EMPTY;
  }

  /// Whether pixels are made up that nobody asked for.
  bool is_bad() const { return code != 0 && !(keep_cut && code == JWRN_JPEG_EOF); }
};

Decoder& decoder_of(j_common_ptr common) {
  return *static_cast<Decoder*>(common->client_data);
}

// Oddities that leave every pixel right; any other warning means that pixels were made up.
bool is_harmless(int code) {
  return code == JWRN_EXTRANEOUS_DATA || code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM ||
         code == JWRN_TOO_MUCH_DATA;
}

extern "C" {

[[noreturn]] static void on_error(j_common_ptr common) {
  Decoder& decoder = decoder_of(common);
  decoder.record(common);
  std::longjmp(decoder.escape, 1);
}

static void on_message(j_common_ptr common, int level) {
  if (level < 0 && !is_harmless(common->err->msg_code)) decoder_of(common).record(common);
}

static void on_progress(j_common_ptr common) {
  Decoder& decoder = decoder_of(common);
  if (decoder.info.input_scan_number <= kMaxScans) return;
  decoder.too_many_scans = true;
  std::longjmp(decoder.escape, 1);
}

}  // extern "C"

// false: libjpeg gave up; decoder says why.
bool read_header(Decoder& decoder, std::span<const std::byte> bytes) {
  if (setjmp(decoder.escape) != 0) return false;
  jpeg_create_decompress(&decoder.info);
  decoder.info.client_data = &decoder;
  decoder.info.progress = &decoder.progress;
  jpeg_mem_src(&decoder.info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_save_markers(&decoder.info, kExifMarker, 0xFFFF);
  jpeg_read_header(&decoder.info, TRUE);
  return true;
}

// Reads the rows of the part to pixels, row_bytes apart; up to the end of the file where the part is
// the whole image. The part's left and width grow to what libjpeg can cut.
bool read_rows(Decoder& decoder, Box& part, std::vector<std::uint8_t>& pixels, int channels) {
  jpeg_decompress_struct& info = decoder.info;
  if (setjmp(decoder.escape) != 0) return false;
  // Where scans of a progressive file are missing, smoothing would make a part's pixels differ from
  // the whole image's.
  info.do_block_smoothing = FALSE;
  jpeg_start_decompress(&info);
  auto left = static_cast<JDIMENSION>(part.left), width = static_cast<JDIMENSION>(part.width);
  if (width < info.output_width) jpeg_crop_scanline(&info, &left, &width);
  part.left = left;
  part.width = width;
  pixels.resize(static_cast<std::size_t>(part.height * part.width * channels));
  const auto first = static_cast<JDIMENSION>(part.top);
  const auto end = static_cast<JDIMENSION>(part.top + part.height);
  if (first > 0) jpeg_skip_scanlines(&info, first);
  while (info.output_scanline < end) {
    JSAMPROW row = pixels.data() + static_cast<std::size_t>(info.output_scanline - first) *
                                       static_cast<std::size_t>(part.width * channels);
    jpeg_read_scanlines(&info, &row, 1);
    if (decoder.is_bad()) return false;  // a made-up row: the rest is not worth the time
  }
  if (end < info.output_height) {
    jpeg_abort_decompress(&info);
  } else {
    jpeg_finish_decompress(&info);
  }
  return true;
}

// Whether the file ends as a whole one does: one that was cut is decoded to where it was cut.
bool has_end(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[bytes.size() - 2] == std::byte{0xFF} &&
         bytes[bytes.size() - 1] == std::byte{JPEG_EOI};
}

// The box, with the columns that upsampling looks at beyond it: the cut's own edge columns are
// made without their neighbours.
Box part_to_read(const Box& wanted, std::int64_t width) {
  const std::int64_t left = std::max<std::int64_t>(wanted.left - kMargin, 0);
  const std::int64_t right = std::min(wanted.left + wanted.width + kMargin, width);
  return {wanted.top, left, wanted.height, right - left};
}

[[noreturn]] void throw_reason(const Decoder& decoder) {
  if (decoder.too_many_scans)
    throw BadImage(fmt::format("corrupt: more than {} scans in a jpeg", kMaxScans));
  if (decoder.code == JERR_OUT_OF_MEMORY) throw std::bad_alloc();
  std::string text = decoder.message;
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z')
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  throw BadImage((decoder.is_cut() ? "truncated: " : "corrupt: ") + text);
}

int saved_orientation(const jpeg_decompress_struct& info) {
  for (const jpeg_marker_struct* marker = info.marker_list; marker != nullptr;
       marker = marker->next) {
    if (marker->marker != kExifMarker || marker->data_length < 6) continue;
    if (std::memcmp(marker->data, "Exif\0\0", 6) != 0) continue;
    return exif_orientation(std::as_bytes(std::span(marker->data + 6, marker->data_length - 6)));
  }
  return 1;
}

// Four inks per pixel -> RGB, in place. Adobe's files store 255 - ink; libjpeg hands both kinds out
// as stored.
void inks_to_rgb(std::uint8_t* pixels, std::int64_t num_pixels, bool inverted) {
  const std::uint8_t* from = pixels;
  const int flip = inverted ? 0 : 255;
  for (std::int64_t i = 0; i < num_pixels; ++i, from += 4) {
    const int black = from[3] ^ flip;
    const int inks[3] = {from[0] ^ flip, from[1] ^ flip, from[2] ^ flip};
    for (const int ink : inks) *pixels++ = static_cast<std::uint8_t>((ink * black + 127) / 255);
  }
}

}  // namespace

int decode_jpeg(std::span<const std::byte> bytes,
                const PixelFormat& format,
                const Wanted& wanted,
                Image& out) {
  Decoder decoder;
  decoder.keep_cut = format.keep_truncated;
  decoder.info.err = jpeg_std_error(&decoder.errors);
  decoder.info.client_data = &decoder;  // jpeg_create_decompress keeps err and client_data
  decoder.errors.error_exit = on_error;
  decoder.errors.emit_message = on_message;
  decoder.progress.progress_monitor = on_progress;
  if (!read_header(decoder, bytes) || decoder.code != 0) throw_reason(decoder);
  const std::int64_t width = decoder.info.image_width;
  const std::int64_t height = decoder.info.image_height;
  check_size(width, height);
  if (decoder.info.arith_code == FALSE) check_density(width * height, bytes.size(), kPixelsPerByte);
  const int orientation =
      saved_orientation(decoder.info);  // now: finishing drops the saved markers
  const bool inks =
      decoder.info.jpeg_color_space == JCS_CMYK || decoder.info.jpeg_color_space == JCS_YCCK;
  decoder.info.out_color_space = inks ? JCS_CMYK : JCS_RGB;
  Box part{0, 0, height, width};
  if (wanted && orientation == 1 && has_end(bytes))
    part = part_to_read(wanted(height, width), width);
  const bool done = read_rows(decoder, part, out.pixels, inks ? 4 : 3);
  if (!done || decoder.is_bad()) throw_reason(decoder);
  if (inks)
    inks_to_rgb(out.pixels.data(), part.width * part.height, decoder.info.saw_Adobe_marker != 0);
  out.reshape(part.width, part.height, 3);
  out.left = part.left;
  out.top = part.top;
  out.whole_width = width;
  out.whole_height = height;
  return orientation;
}

}  // namespace sslrun::image
