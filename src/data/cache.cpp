#include "data/cache.h"

#include "data/reduce.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <new>
#include <utility>

namespace sslrun::data {

namespace {

constexpr std::int64_t kSlabBytes = std::int64_t{64} << 20;

// What stands before the bytes of a kept image.
struct alignas(32) Head {
  std::int64_t size = 0;
  std::int32_t width = 0, height = 0;  // of pixels
  std::int32_t channels = 0, bits = 0;

  const std::byte* bytes() const { return reinterpret_cast<const std::byte*>(this + 1); }
};

static_assert(sizeof(Head) == 32);

// Marks in the index: the image is being kept by some thread; it found no room.
const Head kBusy, kRefused;

bool is_kept(const Head* head) {
  return head != nullptr && head != &kBusy && head != &kRefused;
}

// Memory that is handed out piece by piece and given back all at once.
class Slabs {
 public:
  explicit Slabs(std::int64_t max_bytes) : left_(max_bytes) {}

  // size bytes aligned as a Head, or null where there is no room.
  std::byte* take(std::int64_t size) {
    size = (size + static_cast<std::int64_t>(alignof(Head)) - 1) /
           static_cast<std::int64_t>(alignof(Head)) * static_cast<std::int64_t>(alignof(Head));
    const std::lock_guard lock(mutex_);
    if (size > end_ - next_ && !add(size)) return nullptr;
    std::byte* taken = slabs_.back().get() + next_;
    next_ += size;
    return taken;
  }

  std::int64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct Free {
    void operator()(std::byte* slab) const {
      ::operator delete (slab, std::align_val_t{alignof(Head)});
    }
  };

  // A slab that holds size bytes. What is free in the one before stays free.
  bool add(std::int64_t size) {
    const std::int64_t room = std::max(size, std::min(kSlabBytes, left_));
    if (room > left_) return false;
    auto* slab = static_cast<std::byte*>(::operator new (
        static_cast<std::size_t>(room), std::align_val_t{alignof(Head)}, std::nothrow));
    if (slab == nullptr) return false;
    slabs_.emplace_back(slab);
    next_ = 0;
    end_ = room;
    left_ -= room;
    bytes_.store(bytes() + room, std::memory_order_relaxed);
    return true;
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<std::byte, Free>> slabs_;
  std::int64_t next_ = 0, end_ = 0;  // free part of the last slab
  std::int64_t left_;
  std::atomic<std::int64_t> bytes_ = 0;
};

// The wanted part of kept pixels.
void copy_part(const Head& head, const image::Wanted& wanted, image::Image& out) {
  const image::Box box =
      wanted ? wanted(head.height, head.width) : image::Box{0, 0, head.height, head.width};
  out.reshape(box.width, box.height, head.channels, head.bits);
  out.left = box.left;
  out.top = box.top;
  out.whole_width = head.width;
  out.whole_height = head.height;
  const std::int64_t row_bytes = box.width * out.stride(), step = head.width * out.stride();
  const std::byte* from = head.bytes() + box.top * step + box.left * out.stride();
  for (std::int64_t y = 0; y < box.height; ++y)
    std::memcpy(
        out.pixels.data() + y * row_bytes, from + y * step, static_cast<std::size_t>(row_bytes));
}

}  // namespace

struct CachedSource::State {
  State(const Source& the_inner, const CacheOptions& the_options)
      : inner(the_inner),
        options(the_options),
        index_bytes(inner.size() * static_cast<std::int64_t>(sizeof(std::atomic<const Head*>))),
        index(std::make_unique<std::atomic<const Head*>[]>(static_cast<std::size_t>(inner.size()))),
        slabs(std::max<std::int64_t>(options.max_bytes - index_bytes, 0)) {}

  std::atomic<const Head*>& entry(std::int64_t i) { return index[static_cast<std::size_t>(i)]; }

  const Head* kept(std::int64_t i) {
    const Head* head = entry(i).load(std::memory_order_acquire);
    return is_kept(head) ? head : nullptr;
  }

  // Keeps an image unless that was tried before. head: all but the size is set.
  void keep(std::int64_t i, Head head, const void* from, std::size_t size) {
    const Head* absent = nullptr;
    if (!entry(i).compare_exchange_strong(absent, &kBusy, std::memory_order_relaxed)) return;
    std::byte* place = slabs.take(static_cast<std::int64_t>(sizeof(Head) + size));
    if (place == nullptr) {
      num_refused.fetch_add(1, std::memory_order_relaxed);
      entry(i).store(&kRefused, std::memory_order_relaxed);
      return;
    }
    head.size = static_cast<std::int64_t>(size);
    const Head* made = new (place) Head(head);
    std::memcpy(place + sizeof(Head), from, size);
    num_images.fetch_add(1, std::memory_order_relaxed);
    entry(i).store(made, std::memory_order_release);
  }

  const Source& inner;
  const CacheOptions options;
  std::int64_t index_bytes;
  std::unique_ptr<std::atomic<const Head*>[]> index;
  Slabs slabs;
  std::atomic<std::int64_t> num_images = 0, num_refused = 0;
};

CachedSource::CachedSource(const Source& inner, const CacheOptions& options)
    : state_(std::make_unique<State>(inner, options)) {}

CachedSource::~CachedSource() = default;

std::int64_t CachedSource::size() const {
  return state_->inner.size();
}

std::string CachedSource::name(std::int64_t i) const {
  return state_->inner.name(i);
}

bool CachedSource::read_file(std::int64_t i, std::vector<std::byte>& bytes) const {
  State& s = *state_;
  const Head* head = s.kept(i);
  if (head != nullptr && s.options.keep == Keep::kPixels) {
    bytes.clear();
    return false;
  }
  if (head != nullptr) {
    bytes.assign(head->bytes(), head->bytes() + head->size);
    return true;
  }
  const bool has_file = s.inner.read_file(i, bytes);
  if (has_file && s.options.keep == Keep::kFiles) s.keep(i, {}, bytes.data(), bytes.size());
  return has_file;
}

void CachedSource::decode(std::int64_t i,
                          std::span<const std::byte> bytes,
                          const image::Wanted& wanted,
                          image::Image& out) const {
  State& s = *state_;
  if (s.options.keep == Keep::kFiles) return s.inner.decode(i, bytes, wanted, out);
  if (const Head* head = s.kept(i)) return copy_part(*head, wanted, out);
  s.inner.decode(i, bytes, {}, out);
  if (s.options.short_side > 0) reduce(out, s.options.short_side);
  const Head head{.size = 0,
                  .width = static_cast<std::int32_t>(out.width),
                  .height = static_cast<std::int32_t>(out.height),
                  .channels = static_cast<std::int32_t>(out.channels),
                  .bits = static_cast<std::int32_t>(out.bits)};
  s.keep(i, head, out.pixels.data(), out.pixels.size());
}

std::span<const std::int64_t> CachedSource::labels() const {
  return state_->inner.labels();
}

std::vector<std::string> CachedSource::class_names() const {
  return state_->inner.class_names();
}

std::string CachedSource::fingerprint() const {
  return state_->inner.fingerprint();
}

CacheUse CachedSource::use() const {
  const State& s = *state_;
  return {.images = s.num_images.load(std::memory_order_relaxed),
          .refused = s.num_refused.load(std::memory_order_relaxed),
          .bytes = s.index_bytes + s.slabs.bytes()};
}

}  // namespace sslrun::data
