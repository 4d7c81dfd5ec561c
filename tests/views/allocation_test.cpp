// Counts what the loader's threads take from the heap.  This file replaces operator new of the whole
// test program; libjpeg's pools come from malloc and are not counted.
#include "data/cache.h"
#include "data/loader.h"
#include "image/decode.h"
#include "tests/image/encode.h"
#include "tests/support/catch.h"
#include "tests/views/support.h"
#include "views/pipeline.h"
#include "views/view_work.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<bool> counting = false;
std::atomic<std::int64_t> allocations = 0;

void* count_and_allocate(std::size_t size) {
  if (counting) ++allocations;
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}

}  // namespace

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void* operator new(std::size_t size) {
  return count_and_allocate(size);
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
#endif

namespace sslrun::views {
namespace {

// n times one JPEG file in memory: no buffer grows after the first.
class Jpegs final : public data::Source {
 public:
  explicit Jpegs(std::int64_t n)
      : n_(n), file_(test::make_jpeg(noise_image(48, 48, 1).pixels, 48, 48)) {}

  std::int64_t size() const override { return n_; }

  std::string name(std::int64_t) const override { return "jpeg"; }

  bool read_file(std::int64_t, std::vector<std::byte>& bytes) const override {
    const auto file = std::as_bytes(std::span(file_));
    bytes.assign(file.begin(), file.end());
    return true;
  }

  void decode(std::int64_t,
              std::span<const std::byte> bytes,
              const image::Wanted& wanted,
              image::Image& out) const override {
    image::decode(bytes, {}, wanted, out);
  }

  std::span<const std::int64_t> labels() const override { return {}; }

  std::vector<std::string> class_names() const override { return {}; }

  std::string fingerprint() const override { return "jpegs"; }

 private:
  std::int64_t n_;
  std::string file_;
};

// Every random operation runs, and the crop is the whole image: no buffer is larger later on.
std::vector<ViewGroup> groups() {
  const auto crop = std::make_shared<RandomResizedCrop>();
  crop->size = 32;
  crop->scale = {1, 1};
  crop->ratio = {1, 1};
  const auto blur = std::make_shared<GaussianBlur>();
  blur->p = 1;
  blur->sigma = {1, 1};
  return {{2,
           {{"random_resized_crop", crop},
            {"horizontal_flip", std::make_shared<HorizontalFlip>()},
            {"color_jitter", std::make_shared<ColorJitter>()},
            {"grayscale", std::make_shared<Grayscale>()},
            {"gaussian_blur", blur},
            {"normalize", std::make_shared<Normalize>()}}}};
}

std::int64_t allocations_in_steady_state(const data::Source& source) {
  const Pipeline pipeline(groups(), 1);
  ViewWork work(pipeline);
  const data::Sampler sampler(1, source.size(), 8);
  data::Loader loader(source, sampler, work, {.threads = 1});
  const std::int64_t epoch = sampler.steps_per_epoch();
  for (std::int64_t k = 0; k < 2 * epoch; ++k) loader.next();
  allocations = 0;
  counting = true;
  for (std::int64_t k = 0; k < 3 * epoch; ++k) loader.next();
  counting = false;
  return allocations;
}

}  // namespace

TEST_CASE("loader: three epochs after the first allocate nothing", "[views][loader]") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  SKIP_TEST("allocation count: the sanitizer has its own operator new");
#endif
  counting = true;
  ::operator delete(::operator new(1));
  counting = false;
  REQUIRE(allocations > 0);  // the replacement is in use
  const Jpegs files(64);
  CHECK(allocations_in_steady_state(files) == 0);
  for (const auto keep : {data::Keep::kFiles, data::Keep::kPixels}) {
    for (const std::int64_t budget : {1 << 16, 1 << 22}) {
      const data::CachedSource cache(
          files, {.keep = keep, .max_bytes = budget, .short_side = budget > (1 << 16) ? 40 : 0});
      CHECK(allocations_in_steady_state(cache) == 0);
    }
  }
}

}  // namespace sslrun::views
