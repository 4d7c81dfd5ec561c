#include "config/fields.h"
#include "views/byte_levels.h"
#include "views/view_op.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace sslrun::views {

namespace {

constexpr std::int64_t kLevels = 256;
using Levels = std::array<std::uint8_t, kLevels>;

// Contrast-limited equalisation of one plane of bytes over tiles x tiles parts of it, the map of a
// pixel interpolated between the four nearest tiles.
class Clahe {
 public:
  Clahe(const std::vector<std::uint8_t>& plane,
        std::int64_t height,
        std::int64_t width,
        std::int64_t tiles,
        double clip)
      : tiles_(tiles) {
    // OpenCV: unless both sides are multiples of the tiles, both grow, by a whole tile even where
    // one needs nothing.
    const bool whole = height % tiles == 0 && width % tiles == 0;
    tile_height_ = height / tiles + (whole ? 0 : 1);
    tile_width_ = width / tiles + (whole ? 0 : 1);
    for (std::int64_t t = 0; t < tiles * tiles; ++t) {
      std::array<std::int64_t, kLevels> count{};
      const std::int64_t top = t / tiles * tile_height_, left = t % tiles * tile_width_;
      for (std::int64_t i = 0; i < tile_height_ * tile_width_; ++i) {
        const std::int64_t y = mirrored(top + i / tile_width_, height);
        const std::int64_t x = mirrored(left + i % tile_width_, width);
        ++count[plane[static_cast<std::size_t>(y * width + x)]];
      }
      maps_.push_back(map_of(count, clip));
    }
  }

  std::uint8_t at(std::int64_t y, std::int64_t x, std::uint8_t level) const {
    const auto [top, bottom, v] = neighbours(y, tile_height_);
    const auto [left, right, u] = neighbours(x, tile_width_);
    const auto value = [&](std::int64_t i, std::int64_t j) {
      return static_cast<float>(maps_[static_cast<std::size_t>(i * tiles_ + j)][level]);
    };
    const float above = value(top, left) * (1 - u) + value(top, right) * u;
    const float below = value(bottom, left) * (1 - u) + value(bottom, right) * u;
    return static_cast<std::uint8_t>(std::nearbyint(above * (1 - v) + below * v));
  }

 private:
  struct Neighbours {
    std::int64_t before, after;
    float weight;  // of after
  };

  // A line that is no multiple of the tiles goes on mirrored, its edge pixel not repeated.
  static std::int64_t mirrored(std::int64_t i, std::int64_t n) {
    if (n == 1) return 0;
    const std::int64_t k = i % (2 * (n - 1));
    return k < n ? k : 2 * (n - 1) - k;
  }

  // Counts above the limit are shared out: evenly, and what is left over to every k-th level.
  Levels map_of(std::array<std::int64_t, kLevels>& count, double clip) const {
    const std::int64_t area = tile_height_ * tile_width_;
    const std::int64_t limit = std::max<std::int64_t>(
        static_cast<std::int64_t>(clip * static_cast<double>(area) / kLevels), 1);
    std::int64_t excess = 0;
    for (std::int64_t& k : count) {
      excess += std::max<std::int64_t>(k - limit, 0);
      k = std::min(k, limit);
    }
    for (std::int64_t& k : count) k += excess / kLevels;
    std::int64_t rest = excess % kLevels;
    const std::int64_t step = rest > 0 ? std::max<std::int64_t>(kLevels / rest, 1) : kLevels;
    for (std::int64_t i = 0; i < kLevels && rest > 0; i += step, --rest)
      ++count[static_cast<std::size_t>(i)];
    Levels map{};
    const float scale = 255.0f / static_cast<float>(area);
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < kLevels; ++i) {
      sum += count[i];
      map[i] = static_cast<std::uint8_t>(
          std::min(std::nearbyint(static_cast<float>(sum) * scale), 255.0f));
    }
    return map;
  }

  Neighbours neighbours(std::int64_t i, std::int64_t tile) const {
    const float place = static_cast<float>(i) * (1.0f / static_cast<float>(tile)) - 0.5f;
    const float before = std::floor(place);
    const auto k = static_cast<std::int64_t>(before);
    return {std::max<std::int64_t>(k, 0), std::min(k + 1, tiles_ - 1), place - before};
  }

  std::int64_t tiles_, tile_height_ = 0, tile_width_ = 0;
  std::vector<Levels> maps_;
};

struct ClaheOp final : ViewOp {
  double p = 0.5;
  std::array<double, 2> clip{1, 4};
  std::int64_t tiles = 8;

  void bind(config::Fields& f) override {
    f.real("p", p, {.min = 0, .max = 1}, "probability to equalize");
    f.range("clip",
            clip,
            {.min = 0, .max = 256, .open_min = true},
            "how far a level may exceed the mean count, smallest and largest");
    f.integer("tiles", tiles, {.min = 1, .max = 64}, "parts of the view each way");
  }

  // Three channels: the luma is equalised and every channel moves with it. Otherwise: each channel.
  void apply(Rng& rng, Canvas& canvas) const override {
    if (!(rng.uniform() < p)) return;
    const double limit = rng.uniform(clip[0], clip[1]);
    const std::int64_t plane = canvas.shape().height * canvas.shape().width;
    float* x = canvas.pixels();
    const bool color = canvas.shape().channels == 3;
    std::vector<std::uint8_t> levels(static_cast<std::size_t>(plane));
    for (std::int64_t c = 0; c < (color ? 1 : canvas.shape().channels); ++c, x += plane) {
      for (std::int64_t i = 0; i < plane; ++i) {
        const float value =
            color ? 0.299f * x[i] + 0.587f * x[plane + i] + 0.114f * x[2 * plane + i] : x[i];
        levels[static_cast<std::size_t>(i)] = to_level(value);
      }
      const Clahe clahe(levels, canvas.shape().height, canvas.shape().width, tiles, limit);
      for (std::int64_t i = 0; i < plane; ++i) {
        const std::uint8_t level = levels[static_cast<std::size_t>(i)];
        const std::uint8_t moved =
            clahe.at(i / canvas.shape().width, i % canvas.shape().width, level);
        const float move = from_level(moved) - from_level(level);
        for (std::int64_t k = 0; k < (color ? 3 : 1); ++k)
          x[k * plane + i] = std::clamp(x[k * plane + i] + move, 0.0f, 1.0f);
      }
    }
  }
};

}  // namespace

const config::ComponentSpec& view_spec_clahe() {
  static const config::ComponentSpec spec{"clahe",
                                          "equalizes the contrast part by part, within a limit",
                                          "OpenCV createCLAHE",
                                          make_op<ClaheOp>};
  return spec;
}

}  // namespace sslrun::views
