#include "data/memory_source.h"

#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "data/fingerprint.h"

namespace sslrun::data {

namespace {

class MemorySource final : public Source {
 public:
  explicit MemorySource(MemoryImages images)
      : images_(std::move(images)), plane_(images_.width * images_.height) {
    check_invariant(images_.channels == 1 || images_.channels == 3, "images in memory have 1 or 3 channels");
    const std::int64_t image_bytes = plane_ * images_.channels;
    const auto num_bytes = static_cast<std::int64_t>(images_.pixels.size());
    if (image_bytes == 0 || num_bytes == 0) throw DataError(fmt::format("no image in '{}'", images_.origin));
    check_invariant(num_bytes % image_bytes == 0, "pixels hold whole images");
    size_ = num_bytes / image_bytes;
    check_invariant(images_.labels.empty() || static_cast<std::int64_t>(images_.labels.size()) == size_,
                    "there are as many labels as images");
    const std::string_view content(reinterpret_cast<const char*>(images_.pixels.data()), images_.pixels.size());
    fingerprint_ = make_fingerprint("memory", size_, content);
  }

  std::int64_t size() const override { return size_; }
  std::string name(std::int64_t i) const override { return fmt::format("{}[{}]", images_.origin, i); }

  void read(std::int64_t i, image::Image& out) const override {
    check_invariant(i >= 0 && i < size_, "the image's number lies in the data set");
    const std::uint8_t* planes = images_.pixels.data() + i * plane_ * images_.channels;
    const std::int64_t next_plane = images_.channels == 3 ? plane_ : 0;
    out.reshape(images_.width, images_.height, 3);
    std::uint8_t* to = out.pixels.data();
    for (std::int64_t k = 0; k < plane_; ++k, to += 3) {
      to[0] = planes[k];
      to[1] = planes[k + next_plane];
      to[2] = planes[k + 2 * next_plane];
    }
  }

  std::span<const std::int64_t> labels() const override { return images_.labels; }
  std::vector<std::string> class_names() const override { return images_.class_names; }
  std::string fingerprint() const override { return fingerprint_; }

 private:
  MemoryImages images_;
  std::int64_t plane_;
  std::int64_t size_ = 0;
  std::string fingerprint_;
};

}  // namespace

std::unique_ptr<Source> make_memory_source(MemoryImages images) {
  return std::make_unique<MemorySource>(std::move(images));
}

}  // namespace sslrun::data
