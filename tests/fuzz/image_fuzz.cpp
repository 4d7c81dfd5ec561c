// decode() on files of one format. Input: a byte that chooses the pixel format, four that choose the
// wanted part (of 256ths of the image; zeros: all of it), the file.
#include "base/error.h"
#include "image/decode.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

using namespace sslrun;

namespace {

constexpr std::array<image::PixelFormat, 10> kFormats{{{3, 8, 255},
                                                       {1, 8, 0},
                                                       {3, 16, 128},
                                                       {1, 16, 255},
                                                       {4, 8, 255},
                                                       {5, 16, 255},
                                                       {2, 8, 255},
                                                       {3, 8, 0},
                                                       {3, 8, 255, true},
                                                       {1, 8, 0, true, {1000, 5000}}}};
constexpr std::size_t kChoices = 5;

std::optional<image::Image> decoded(std::span<const std::byte> file,
                                    const image::PixelFormat& format,
                                    const image::Wanted& wanted) {
  image::Image out;
  try {
    image::decode(file, format, wanted, out);
  } catch (const image::BadImage& bad) {
    check_invariant(bad.what()[0] != '\0', "a bad image has a reason");
    return std::nullopt;
  }
  check_invariant(out.channels == format.channels && out.bits == format.bits, "the format asked");
  check_invariant(out.width >= 1 && out.height >= 1 && out.left >= 0 && out.top >= 0 &&
                      out.left + out.width <= out.whole_width &&
                      out.top + out.height <= out.whole_height,
                  "a part lies in its image");
  check_invariant(
      out.pixels.size() == static_cast<std::size_t>(out.width * out.height * out.stride()),
      "as many bytes as the shape says");
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kChoices) return 0;
  const auto file = std::as_bytes(std::span(data + kChoices, size - kChoices));
  if (image::sniff(file) != image::Format::SSLRUN_FUZZ_FORMAT) return 0;
  const image::PixelFormat& format = kFormats[data[0] % kFormats.size()];
  const auto whole = decoded(file, format, {});
  if (data[3] == 0 || data[4] == 0) return 0;
  image::Box box;
  const auto wanted = [&](std::int64_t height, std::int64_t width) {
    box.top = height * data[1] / 256;
    box.left = width * data[2] / 256;
    box.height = std::clamp<std::int64_t>(height * data[3] / 256, 1, height - box.top);
    box.width = std::clamp<std::int64_t>(width * data[4] / 256, 1, width - box.left);
    return box;
  };
  const auto part = decoded(file, format, wanted);
  if (!part || !whole || box.height == 0) return 0;
  for (std::int64_t y = box.top; y < box.top + box.height; ++y) {
    const auto at = [&](const image::Image& image) {
      return image.pixels.data() +
             ((y - image.top) * image.width + box.left - image.left) * image.stride();
    };
    check_invariant(std::equal(at(*part), at(*part) + box.width * part->stride(), at(*whole)),
                    "a part has the pixels of the whole");
  }
  return 0;
}
