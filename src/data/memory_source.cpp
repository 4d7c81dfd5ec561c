#include "data/memory_source.h"

#include "base/error.h"
#include "data/fingerprint.h"
#include "image/composite.h"

#include <fmt/format.h>

#include <exception>
#include <mutex>
#include <utility>

namespace sslrun::data {

namespace {

class MemorySource final : public Source {
 public:
  MemorySource(MemoryImages images, const image::PixelFormat& format)
      : images_(std::move(images)), format_(format) {
    check_invariant(images_.channels == 1 || images_.channels == 3,
                    "images in memory have 1 or 3 channels");
    // First of all: beside a 0 the other two may be too large to be multiplied.
    if (images_.width == 0 || images_.height == 0 || images_.num_images == 0)
      throw DataError(fmt::format("no image in '{}'", images_.origin));
    plane_ = images_.width * images_.height;
    check_invariant(images_.labels.empty() ||
                        static_cast<std::int64_t>(images_.labels.size()) == images_.num_images,
                    "there are as many labels as images");
  }

  std::int64_t size() const override { return images_.num_images; }

  std::string name(std::int64_t i) const override {
    return fmt::format("{}[{}]", images_.origin, i);
  }

  void decode(std::int64_t i,
              std::span<const std::byte>,
              const image::Wanted&,
              image::Image& out) const override {
    check_invariant(i >= 0 && i < images_.num_images, "the image's number lies in the data set");
    const std::uint8_t* planes = pixels().data() + i * plane_ * images_.channels;
    const std::int64_t next_plane = images_.channels == 3 ? plane_ : 0;
    out.reshape(images_.width, images_.height, 3);
    std::uint8_t* to = out.pixels.data();
    for (std::int64_t k = 0; k < plane_; ++k, to += 3) {
      to[0] = planes[k];
      to[1] = planes[k + next_plane];
      to[2] = planes[k + 2 * next_plane];
    }
    image::conform(format_, out);
  }

  std::span<const std::int64_t> labels() const override { return images_.labels; }

  std::vector<std::string> class_names() const override { return images_.class_names; }

  std::string fingerprint() const override {
    const std::vector<std::uint8_t>& all = pixels();
    return make_fingerprint(
        "memory", images_.num_images, {reinterpret_cast<const char*>(all.data()), all.size()});
  }

 private:
  const std::vector<std::uint8_t>& pixels() const {
    std::call_once(once_, [this] {
      try {
        pixels_ = images_.load();
        const auto num_bytes = static_cast<std::int64_t>(pixels_.size());
        check_invariant(num_bytes == images_.num_images * images_.channels * plane_,
                        "pixels hold the images promised");
      } catch (...) {
        error_ =
            std::current_exception();  // kept: a damaged file is not unpacked again for each image
      }
    });
    if (error_) std::rethrow_exception(error_);
    return pixels_;
  }

  MemoryImages images_;
  image::PixelFormat format_;
  std::int64_t plane_ = 0;
  mutable std::once_flag once_;
  mutable std::vector<std::uint8_t> pixels_;
  mutable std::exception_ptr error_;
};

}  // namespace

std::unique_ptr<Source> make_memory_source(MemoryImages images, const image::PixelFormat& pixels) {
  return std::make_unique<MemorySource>(std::move(images), pixels);
}

}  // namespace sslrun::data
