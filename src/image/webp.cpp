#include "image/webp.h"

#include "image/bad_image.h"
#include "image/composite.h"
#include "image/orientation.h"

#include <fmt/format.h>
#include <webp/decode.h>
#include <webp/demux.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

namespace sslrun::image {

namespace {

struct DemuxDelete {
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
};

// A chunk's bytes lie in the file's: what the iterators own is only their position.
class Frame {
 public:
  explicit Frame(const WebPDemuxer* demuxer) : found_(WebPDemuxGetFrame(demuxer, 1, &it_) != 0) {}

  ~Frame() { WebPDemuxReleaseIterator(&it_); }

  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  const WebPIterator* get() const { return found_ ? &it_ : nullptr; }

 private:
  WebPIterator it_{};
  bool found_;
};

void check_status(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_OK:
      return;
    case VP8_STATUS_OUT_OF_MEMORY:
      throw std::bad_alloc();
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
      throw BadImage("truncated: the webp ends before its pixels do");
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      throw BadImage("unsupported format: a webp of a newer kind");
    default:
      throw BadImage(
          fmt::format("corrupt: libwebp gives status {} for it", static_cast<int>(status)));
  }
}

int orientation_of(const WebPDemuxer* demuxer) {
  WebPChunkIterator it{};
  int orientation = 1;
  if (WebPDemuxGetChunk(demuxer, "EXIF", 1, &it) != 0) {
    auto exif = std::as_bytes(std::span(it.chunk.bytes, it.chunk.size));
    // Some writers put a JPEG's introduction before the block.
    if (exif.size() >= 6 && std::memcmp(exif.data(), "Exif\0\0", 6) == 0) exif = exif.subspan(6);
    orientation = exif_orientation(exif);
  }
  WebPDemuxReleaseChunkIterator(&it);
  return orientation;
}

void decode_frame(const WebPIterator& frame,
                  const WebPBitstreamFeatures& size,
                  std::uint8_t background,
                  Image& out) {
  WebPDecoderConfig config{};
  if (WebPInitDecoderConfig(&config) == 0) throw std::bad_alloc();
  const bool alpha = frame.has_alpha != 0;
  out.reshape(size.width, size.height, alpha ? 4 : 3);
  config.output.colorspace = alpha ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {
      out.pixels.data(), static_cast<int>(out.width * out.channels), out.pixels.size()};
  check_status(WebPDecode(frame.fragment.bytes, frame.fragment.size, &config));
  to_rgb(out, background);
}

// The first frame of an animation may cover a part of its canvas: the rest is background.
void place_on_canvas(std::int64_t width,
                     std::int64_t height,
                     std::int64_t left,
                     std::int64_t top,
                     std::uint8_t background,
                     Image& out) {
  if (out.width == width && out.height == height) return;
  if (left + out.width > width || top + out.height > height)
    throw BadImage("corrupt: the webp's first frame is larger than its canvas");
  const Image part = std::move(out);
  out.reshape(width, height, 3);
  std::fill(out.pixels.begin(), out.pixels.end(), background);
  for (std::int64_t y = 0; y < part.height; ++y) {
    std::copy_n(part.pixels.data() + y * part.width * 3,
                part.width * 3,
                out.pixels.data() + ((top + y) * width + left) * 3);
  }
}

}  // namespace

int decode_webp(std::span<const std::byte> bytes, const PixelFormat& format, Image& out) {
  const WebPData data{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
  WebPDemuxState state = WEBP_DEMUX_PARSE_ERROR;
  const std::unique_ptr<WebPDemuxer, DemuxDelete> demuxer(WebPDemuxPartial(&data, &state));
  if (!demuxer || state == WEBP_DEMUX_PARSE_ERROR)
    throw BadImage("corrupt: the chunks of the webp make no sense");
  const std::int64_t width = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH);
  const std::int64_t height = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT);
  if (width > 0 && height > 0) check_size(width, height);
  if (state != WEBP_DEMUX_DONE) throw BadImage("truncated: the webp ends inside a chunk");
  const Frame frame(demuxer.get());
  if (frame.get() == nullptr) throw BadImage("corrupt: a webp without a frame");
  const WebPIterator& first = *frame.get();
  WebPBitstreamFeatures features;
  check_status(WebPGetFeatures(first.fragment.bytes, first.fragment.size, &features));
  check_size(features.width, features.height);
  decode_frame(first, features, format.background, out);
  place_on_canvas(width, height, first.x_offset, first.y_offset, format.background, out);
  return orientation_of(demuxer.get());
}

}  // namespace sslrun::image
