// What a data set holds, image by image: what cannot be read, what is there twice, how large and
// how bright it is.
#pragma once
#include "data/source.h"

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace sslrun::data {

/// Cells of the thumbnail that tells whether pictures look alike, each way.
constexpr std::int64_t kThumbnail = 9;

/// What one image is like once decoded.
struct ImageFacts {
  std::int64_t width = 0, height = 0;
  std::array<std::uint64_t, 2> content{};     // XXH3-128 of size and pixels: equal for copies
  std::array<std::uint64_t, 2> appearance{};  // difference hash: near for pictures that look alike
  std::array<std::uint8_t, kThumbnail * kThumbnail> thumbnail{};  // brightness of equal cells
  std::vector<double> mean, mean_square;  // of each channel on the scale of [0, 1]
  std::string bad;                        // why it cannot be used; empty: it can
};

/// Reads every image with all threads. progress, called from any thread, gets the number of images
/// done so far. Answer: one entry per image, the same for any number of threads; about 340 bytes
/// an image of 3 channels.
/// errors    DataError when no image can be read any more.
std::vector<ImageFacts> survey(const Source& source,
                               const std::function<void(std::int64_t)>& progress);

/// Mean and standard deviation of each channel. Every image counts the same, whatever its size: as
/// if all were resized to one. Images that cannot be used are left out.
struct ChannelMoments {
  std::vector<double> mean, std;
};

ChannelMoments channel_moments(const std::vector<ImageFacts>& facts);

/// Two images; the first has the lower number, or lies in the first of two data sets.
struct Pair {
  std::int64_t first = 0, second = 0;
};

/// Each image that repeats an earlier one's pixels, with the first that has them; in order.
std::vector<Pair> exact_duplicates(const std::vector<ImageFacts>& facts);

/// Pairs whose appearance differs in at most 6 of 128 bits and whose thumbnails correlate with 0.998
/// or more, while their pixels differ: resized, recompressed, brightened copies. Pictures with
/// hardly any structure look alike to the hash and are left out. Each image is paired with the first that is near; in order.
/// source    the difference hash of N. Krawetz, "Kind of Like That" (2013), by rows and by columns.
std::vector<Pair> near_duplicates(const std::vector<ImageFacts>& facts);

/// Each image of `val` whose pixels `train` has too, as {train's, val's}; in val's order.
std::vector<Pair> leaks(const std::vector<ImageFacts>& train, const std::vector<ImageFacts>& val);

}  // namespace sslrun::data
