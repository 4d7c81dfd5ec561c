// Images that stay in memory once they have been read.
#pragma once
#include "data/source.h"

#include <cstdint>
#include <memory>

namespace sslrun::data {

/// What a cache keeps of an image.
enum class Keep {
  kFiles,   // its file's bytes: no file is opened twice
  kPixels,  // its pixels: nothing is decoded twice
};

struct CacheOptions {
  Keep keep = Keep::kFiles;
  std::int64_t max_bytes = 0;   // of memory, with everything that keeping an image takes
  std::int64_t short_side = 0;  // kPixels: larger images are reduced to it; 0: kept as decoded
};

/// How full a cache is.
struct CacheUse {
  std::int64_t images = 0;   // kept
  std::int64_t refused = 0;  // asked for and not kept: there was no room
  std::int64_t bytes = 0;    // of memory taken, <= max_bytes where that holds the index at all
};

/// A source that keeps what it has read of another, until its memory is used up; images that find no
/// room are read again each time. What is kept stays: a training run asks for every image once an
/// epoch, so any replacement would throw out what is needed sooner than what comes in.
///
/// What decode() gives does not depend on whether an image was kept. With kPixels all of an image is
/// decoded at each miss, also where the memory is used up: a damaged file is then bad whatever part
/// of it is wanted, as it is when it comes to be kept; and later views want other parts. Kept pixels
/// are interleaved as decoded, and a hit copies the wanted part: about 7 % of the loader's time in
/// `sslrun bench views_simclr_cached`.
///
/// Memory comes in slabs of 64 MiB, or of what is left; an image takes its bytes, a head of 32 and 8
/// in the index. Thread-safe: readers of a kept image share it without a lock; of two threads that
/// read one image at the same time one keeps it.
class CachedSource final : public Source {
 public:
  /// inner must outlive the cache.
  CachedSource(const Source& inner, const CacheOptions& options);
  ~CachedSource() override;

  std::int64_t size() const override;
  std::string name(std::int64_t i) const override;
  bool read_file(std::int64_t i, std::vector<std::byte>& bytes) const override;
  void decode(std::int64_t i,
              std::span<const std::byte> bytes,
              const image::Wanted& wanted,
              image::Image& out) const override;
  std::span<const std::int64_t> labels() const override;
  std::vector<std::string> class_names() const override;
  std::string fingerprint() const override;

  CacheUse use() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sslrun::data
