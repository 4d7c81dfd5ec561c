#include "image/gif.h"

#include "image/bad_image.h"

#include <fmt/format.h>
#include <gif_lib.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

namespace sslrun::image {

namespace {

extern "C" {

static int read_bytes(GifFileType* gif, GifByteType* to, int count) {
  auto& rest = *static_cast<std::span<const std::byte>*>(gif->UserData);
  const std::size_t n = std::min(rest.size(), static_cast<std::size_t>(count));
  std::memcpy(to, rest.data(), n);
  rest = rest.subspan(n);
  return static_cast<int>(n);
}

}  // extern "C"

[[noreturn]] void throw_reason(int code) {
  if (code == D_GIF_ERR_NOT_ENOUGH_MEM) throw std::bad_alloc();
  const bool cut = code == D_GIF_ERR_READ_FAILED || code == D_GIF_ERR_EOF_TOO_SOON;
  const char* text = GifErrorString(code);
  throw BadImage(cut ? "truncated: the gif ends inside its first frame"
                     : fmt::format("corrupt: {}", text == nullptr ? "an unknown mistake" : text));
}

struct Close {
  void operator()(GifFileType* gif) const {
    int ignored = 0;
    DGifCloseFile(gif, &ignored);
  }
};

// Reads to the first image; returns its transparent colour, or -1.
int find_first_frame(GifFileType* gif) {
  int transparent = -1;
  for (;;) {
    GifRecordType record = UNDEFINED_RECORD_TYPE;
    if (DGifGetRecordType(gif, &record) == GIF_ERROR) throw_reason(gif->Error);
    if (record == IMAGE_DESC_RECORD_TYPE) return transparent;
    if (record != EXTENSION_RECORD_TYPE) throw BadImage("corrupt: a gif without a frame");
    int code = 0;
    GifByteType* block = nullptr;
    if (DGifGetExtension(gif, &code, &block) == GIF_ERROR) throw_reason(gif->Error);
    while (block != nullptr) {
      GraphicsControlBlock control{};
      if (code == GRAPHICS_EXT_FUNC_CODE &&
          DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK) {
        transparent = control.TransparentColor;
      }
      if (DGifGetExtensionNext(gif, &block) == GIF_ERROR) throw_reason(gif->Error);
    }
  }
}

// The stored order of an interlaced frame's rows.
std::int64_t interlaced_row(std::int64_t i, std::int64_t height) {
  constexpr std::array<std::array<std::int64_t, 2>, 4> kPasses{{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};
  for (const auto& [first, step] : kPasses) {
    const std::int64_t rows = height > first ? (height - first + step - 1) / step : 0;
    if (i < rows) return first + i * step;
    i -= rows;
  }
  return height - 1;
}

}  // namespace

int decode_gif(std::span<const std::byte> bytes, const PixelFormat& format, Image& out) {
  int error = 0;
  std::span<const std::byte> rest = bytes;
  const std::unique_ptr<GifFileType, Close> gif(DGifOpen(&rest, read_bytes, &error));
  if (!gif) throw_reason(error);
  check_size(gif->SWidth, gif->SHeight);
  const int transparent = find_first_frame(gif.get());
  // Not DGifGetImageDesc's SavedImages: only the header is read, the pixels follow row by row.
  if (DGifGetImageDesc(gif.get()) == GIF_ERROR) throw_reason(gif->Error);
  const GifImageDesc& frame = gif->Image;
  check_size(frame.Width, frame.Height);
  check_density(std::int64_t{frame.Width} * frame.Height, bytes.size(), kLzwDensity);
  const ColorMapObject* colors = frame.ColorMap != nullptr ? frame.ColorMap : gif->SColorMap;
  if (colors == nullptr) throw BadImage("corrupt: a gif without colours");
  out.reshape(gif->SWidth, gif->SHeight, 3);
  std::fill(out.pixels.begin(), out.pixels.end(), format.background);
  std::vector<GifPixelType> row(static_cast<std::size_t>(frame.Width));
  for (std::int64_t i = 0; i < frame.Height; ++i) {
    if (DGifGetLine(gif.get(), row.data(), frame.Width) == GIF_ERROR) throw_reason(gif->Error);
    const std::int64_t y = frame.Top + (frame.Interlace ? interlaced_row(i, frame.Height) : i);
    if (y < 0 || y >= out.height) continue;  // the frame may stick out of its screen
    for (std::int64_t x = std::max(0, -frame.Left);
         x < std::min<std::int64_t>(frame.Width, out.width - frame.Left);
         ++x) {
      const int index = row[static_cast<std::size_t>(x)];
      if (index == transparent) continue;
      if (index >= colors->ColorCount) throw BadImage("corrupt: a gif's pixel has no colour");
      const GifColorType& color = colors->Colors[index];
      std::uint8_t* to = out.pixels.data() + (y * out.width + frame.Left + x) * 3;
      to[0] = color.Red;
      to[1] = color.Green;
      to[2] = color.Blue;
    }
  }
  return 1;
}

}  // namespace sslrun::image
