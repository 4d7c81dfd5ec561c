// What is wrong with an image file.
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>

namespace sslrun::image {

/// Bytes that are not a complete image of a known format. what(): the reason in lower case,
/// beginning with its kind: "empty file", "truncated: ..", "corrupt: ..", "too large: ..",
/// "unsupported format: ..", "not an image: ..", "cannot be read: ..", "changed: ..". Not a sslrun::Error: the loader replaces the
/// sample, `data check` lists it, neither stops a run.
class BadImage : public std::runtime_error {
 public:
  explicit BadImage(const std::string& reason) : std::runtime_error(reason) {}
};

/// Largest width * height that is decoded; refused from the header, before memory is taken. A fuzzer
/// shall look for mistakes, not wait for large images.
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
constexpr std::int64_t kMaxPixels = 1 << 18;
#else
constexpr std::int64_t kMaxPixels = 178'956'970;
#endif

/// How a reason begins: "truncated: the file ends .." -> "truncated".
inline std::string kind_of(const std::string& reason) {
  return reason.substr(0, reason.find(':'));
}

/// Throws BadImage unless 1 <= width * height <= kMaxPixels.
void check_size(std::int64_t width, std::int64_t height);

/// Throws BadImage where so many bytes cannot hold the picture that a header speaks of, so that no
/// memory is taken for it: at most most_per_byte units (bytes before compression, or pixels) come out
/// of a byte.
void check_density(std::int64_t units, std::size_t num_bytes, std::int64_t most_per_byte);

/// Of deflate: 258 bytes for two bits. source: RFC 1951, 3.2.5.
constexpr std::int64_t kDeflateDensity = 1032;
/// Of LZW with codes of 12 bits, each for a text of 4096 bytes.
constexpr std::int64_t kLzwDensity = 4096 * 8 / 12;

}  // namespace sslrun::image
