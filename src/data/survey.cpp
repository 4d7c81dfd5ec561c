#include "data/survey.h"

#include "base/thread_pool.h"
#include "image/decode.h"

#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <unordered_map>

namespace sslrun::data {

namespace {

constexpr int kNearBits = 6;
// Fewer set or unset bits than this: a flat picture, whose bits are chance.
constexpr int kLeastStructure = 16;
// Fashion-MNIST, whose shirts share an outline: 201 pairs; by the hash alone 9,014.
constexpr double kNearCorrelation = 0.998;
constexpr std::int64_t kGrid = kThumbnail;

using Content = std::array<std::uint64_t, 2>;

struct ContentHash {
  std::size_t operator()(const Content& c) const { return static_cast<std::size_t>(c[0]); }
};

Content content_of(const image::Image& image) {
  const std::array<std::uint64_t, 2> size{static_cast<std::uint64_t>(image.width),
                                          static_cast<std::uint64_t>(image.height)};
  const XXH128_hash_t seed = XXH3_128bits(size.data(), sizeof size);
  const XXH128_hash_t hash =
      XXH3_128bits_withSeed(image.pixels.data(), image.pixels.size(), seed.low64);
  return {hash.low64, hash.high64};
}

// Calls add(cell, weight) for the cells of a kGrid-wide grid over `size` pixels that pixel i lies
// in. Weights are parts of a kGrid-th of a pixel, so that every cell weighs `size` in all.
template <class F>
void for_cells(std::int64_t i, std::int64_t size, const F& add) {
  const std::int64_t end = kGrid * (i + 1);
  for (std::int64_t at = kGrid * i; at < end;) {
    const std::int64_t cell = at / size, until = std::min((cell + 1) * size, end);
    add(static_cast<std::size_t>(cell), until - at);
    at = until;
  }
}

// Brightness, the mean of the channels, of kGrid x kGrid equal cells, in one unit.
template <class Sample>
std::array<std::int64_t, kGrid * kGrid> thumbnail(const image::Image& image) {
  std::array<std::int64_t, kGrid * kGrid> cells{};
  const auto* at = reinterpret_cast<const Sample*>(image.pixels.data());
  for (std::int64_t y = 0; y < image.height; ++y) {
    std::array<std::int64_t, kGrid> of_row{};
    for (std::int64_t x = 0; x < image.width; ++x, at += image.channels) {
      std::int64_t sum = 0;
      for (std::int64_t c = 0; c < image.channels; ++c) sum += at[c];
      for_cells(x, image.width, [&](std::size_t j, std::int64_t w) { of_row[j] += w * sum; });
    }
    for_cells(y, image.height, [&](std::size_t i, std::int64_t w) {
      for (std::size_t j = 0; j < kGrid; ++j) cells[i * kGrid + j] += w * of_row[j];
    });
  }
  return cells;
}

// Bit by bit: is a cell darker than its right, and than its lower neighbour.
Content appearance_of(const std::array<std::int64_t, kGrid * kGrid>& cells) {
  Content bits{};
  for (std::size_t i = 0; i < kGrid - 1; ++i) {
    for (std::size_t j = 0; j < kGrid - 1; ++j) {
      const std::int64_t here = cells[i * kGrid + j];
      bits[0] = bits[0] << 1 | (here < cells[i * kGrid + j + 1] ? 1u : 0u);
      bits[1] = bits[1] << 1 | (here < cells[(i + 1) * kGrid + j] ? 1u : 0u);
    }
  }
  return bits;
}

template <class Sample>
void add_moments(const image::Image& image, ImageFacts& facts) {
  constexpr double kMost = static_cast<Sample>(-1);
  const auto channels = static_cast<std::size_t>(image.channels);
  const auto* samples = reinterpret_cast<const Sample*>(image.pixels.data());
  const std::size_t size = image.pixels.size() / sizeof(Sample);
  const double count = static_cast<double>(size / channels);
  for (std::size_t c = 0; c < channels; ++c) {
    std::uint64_t sum = 0, square = 0;
    for (std::size_t i = c; i < size; i += channels) {
      const std::uint64_t v = samples[i];
      sum += v;
      square += v * v;
    }
    facts.mean.push_back(static_cast<double>(sum) / count / kMost);
    facts.mean_square.push_back(static_cast<double>(square) / count / (kMost * kMost));
  }
}

template <class Sample>
ImageFacts facts_of(const image::Image& image) {
  ImageFacts f;
  f.width = image.width;
  f.height = image.height;
  f.content = content_of(image);
  const auto cells = thumbnail<Sample>(image);
  f.appearance = appearance_of(cells);
  constexpr double kMost = static_cast<Sample>(-1);
  const double unit =  // of a cell, per level of 255
      static_cast<double>(image.width * image.height * image.channels) * kMost / 255;
  std::transform(cells.begin(), cells.end(), f.thumbnail.begin(), [&](std::int64_t cell) {
    return static_cast<std::uint8_t>(static_cast<double>(cell) / unit);
  });
  add_moments<Sample>(image, f);
  return f;
}

bool has_structure(const ImageFacts& f) {
  const int set = std::popcount(f.appearance[0]) + std::popcount(f.appearance[1]);
  return f.bad.empty() && set >= kLeastStructure && set <= 128 - kLeastStructure;
}

int distance(const Content& a, const Content& b) {
  return std::popcount(a[0] ^ b[0]) + std::popcount(a[1] ^ b[1]);
}

double correlation(const ImageFacts& a, const ImageFacts& b) {
  double mean_a = 0, mean_b = 0;
  const std::size_t n = a.thumbnail.size();
  for (std::size_t i = 0; i < n; ++i) {
    mean_a += a.thumbnail[i] / static_cast<double>(n);
    mean_b += b.thumbnail[i] / static_cast<double>(n);
  }
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double da = a.thumbnail[i] - mean_a, db = b.thumbnail[i] - mean_b;
    ab += da * db;
    aa += da * da;
    bb += db * db;
  }
  return ab / std::sqrt(std::max(aa * bb, 1e-12));
}

}  // namespace

std::vector<ImageFacts> survey(const Source& source,
                               const std::function<void(std::int64_t)>& progress) {
  std::vector<ImageFacts> facts(static_cast<std::size_t>(source.size()));
  std::atomic<std::int64_t> next = 0, done = 0;
  // One image at a time from a shared counter: files differ too much in size for equal ranges.
  parallel_for(compute_threads(), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t worker = begin; worker < end; ++worker) {
      image::Image image;
      for (std::int64_t i = next++; i < source.size(); i = next++) {
        ImageFacts& f = facts[static_cast<std::size_t>(i)];
        try {
          source.read(i, image);
          f = image.bits == 16 ? facts_of<std::uint16_t>(image) : facts_of<std::uint8_t>(image);
        } catch (const image::BadImage& e) {
          f.bad = e.what();
        }
        progress(++done);
      }
    }
  });
  return facts;
}

ChannelMoments channel_moments(const std::vector<ImageFacts>& facts) {
  ChannelMoments out;
  double count = 0;
  std::vector<double> square;
  for (const ImageFacts& f : facts) {
    if (!f.bad.empty()) continue;
    ++count;
    out.mean.resize(f.mean.size());
    square.resize(f.mean.size());
    for (std::size_t c = 0; c < f.mean.size(); ++c) {
      out.mean[c] += f.mean[c];
      square[c] += f.mean_square[c];
    }
  }
  for (std::size_t c = 0; c < out.mean.size(); ++c) {
    out.mean[c] /= count;
    out.std.push_back(std::sqrt(std::max(square[c] / count - out.mean[c] * out.mean[c], 0.0)));
  }
  return out;
}

std::vector<Pair> exact_duplicates(const std::vector<ImageFacts>& facts) {
  std::unordered_map<Content, std::int64_t, ContentHash> first;
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < facts.size(); ++i) {
    if (!facts[i].bad.empty()) continue;
    const auto [it, is_new] = first.try_emplace(facts[i].content, static_cast<std::int64_t>(i));
    if (!is_new) pairs.push_back({it->second, static_cast<std::int64_t>(i)});
  }
  return pairs;
}

std::vector<Pair> near_duplicates(const std::vector<ImageFacts>& facts) {
  // Two hashes that differ in at most kNearBits bits share one of kNearBits + 1 pieces at least:
  // 8 pieces of 16 bits are 1 more than needed.
  constexpr std::size_t kPieces = 8;
  std::unordered_map<std::uint32_t, std::vector<std::int64_t>> with_piece;
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < facts.size(); ++i) {
    if (!has_structure(facts[i])) continue;
    std::int64_t near = -1;
    for (std::size_t p = 0; p < kPieces; ++p) {
      const auto piece =
          static_cast<std::uint32_t>(facts[i].appearance[p / 4] >> p % 4 * 16 & 0xFFFF);
      std::vector<std::int64_t>& others = with_piece[static_cast<std::uint32_t>(p) << 16 | piece];
      for (const std::int64_t other : others) {
        const ImageFacts& o = facts[static_cast<std::size_t>(other)];
        if ((near < 0 || other < near) && o.content != facts[i].content &&
            distance(o.appearance, facts[i].appearance) <= kNearBits &&
            correlation(o, facts[i]) >= kNearCorrelation) {
          near = other;
        }
      }
      others.push_back(static_cast<std::int64_t>(i));
    }
    if (near >= 0) pairs.push_back({near, static_cast<std::int64_t>(i)});
  }
  return pairs;
}

std::vector<Pair> leaks(const std::vector<ImageFacts>& train, const std::vector<ImageFacts>& val) {
  std::unordered_map<Content, std::int64_t, ContentHash> first;
  for (std::size_t i = 0; i < train.size(); ++i) {
    if (train[i].bad.empty()) first.try_emplace(train[i].content, static_cast<std::int64_t>(i));
  }
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < val.size(); ++i) {
    const auto found = val[i].bad.empty() ? first.find(val[i].content) : first.end();
    if (found != first.end()) pairs.push_back({found->second, static_cast<std::int64_t>(i)});
  }
  return pairs;
}

}  // namespace sslrun::data
