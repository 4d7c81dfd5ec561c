#include "data/synthetic.h"

#include "base/error.h"
#include "base/philox.h"
#include "data/fingerprint.h"
#include "image/composite.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <vector>

namespace sslrun::data {

namespace {

constexpr std::string_view kWord = "synthetic";
constexpr std::int64_t kCount = 10'000, kMostCount = 2'147'483'647;
constexpr std::int64_t kSide = 96, kLeastSide = 8, kMostSide = 4096;
constexpr float kGrain = 12;  // half its height, in grey levels

// Distances of (x, y) to a shape that fills about the unit disc; negative inside.
using Distance = float (*)(float x, float y);

float box(float x, float y, float width, float height) {
  return std::max(std::abs(x) - width, std::abs(y) - height);
}

struct Shape {
  const char* name;
  Distance distance;
};

constexpr std::array<Shape, 10> kShapes{{
    {"bar", [](float x, float y) { return box(x, y, 1, .3F); }},
    {"crescent",
     [](float x, float y) { return std::max(std::hypot(x, y) - 1, .8F - std::hypot(x - .5F, y)); }},
    {"cross", [](float x, float y) { return std::min(box(x, y, 1, .3F), box(x, y, .3F, 1)); }},
    {"disc", [](float x, float y) { return std::hypot(x, y) - .9F; }},
    {"flower",
     [](float x, float y) {
       return std::hypot(x, y) - .7F - .3F * std::cos(5 * std::atan2(y, x));
     }},
    {"frame", [](float x, float y) { return std::abs(box(x, y, .7F, .7F)) - .15F; }},
    {"hexagon",
     [](float x, float y) {
       return std::max(std::abs(x) * .866F + std::abs(y) * .5F, std::abs(y)) - .85F;
     }},
    {"ring", [](float x, float y) { return std::abs(std::hypot(x, y) - .8F) - .15F; }},
    {"square", [](float x, float y) { return box(x, y, .8F, .8F); }},
    {"triangle",
     [](float x, float y) { return std::max(std::abs(x) * .866F + y * .5F, -y) - .5F; }},
}};
constexpr auto kNumShapes = static_cast<std::int64_t>(kShapes.size());

struct Colour {
  std::array<float, 3> level;

  explicit Colour(Rng& rng) {
    for (float& l : level) l = static_cast<float>(rng.uniform(20, 235));
  }
};

// How one shape lies in the unit square.
struct Scene {
  float x, y, radius, cosine, sine;
  Colour near, far, fill;

  explicit Scene(Rng& rng)
      : x(static_cast<float>(rng.uniform(.3, .7))),
        y(static_cast<float>(rng.uniform(.3, .7))),
        radius(static_cast<float>(rng.uniform(.15, .35))),
        near(rng),
        far(rng),
        fill(rng) {
    const double turn = rng.uniform(0, 6.283185307179586);
    cosine = static_cast<float>(std::cos(turn));
    sine = static_cast<float>(std::sin(turn));
  }
};

void draw(Rng& rng, std::int64_t side, Distance distance, image::Image& out) {
  const Scene scene(rng);
  out.reshape(side, side, 3);
  std::uint8_t* to = out.pixels.data();
  const float step = 1.F / static_cast<float>(side);
  for (std::int64_t row = 0; row < side; ++row) {
    for (std::int64_t column = 0; column < side; ++column, to += 3) {
      const float u = (static_cast<float>(column) + .5F) * step;
      const float v = (static_cast<float>(row) + .5F) * step;
      const float x = (u - scene.x) / scene.radius, y = (v - scene.y) / scene.radius;
      const float beyond =
          distance(scene.cosine * x + scene.sine * y, scene.cosine * y - scene.sine * x);
      // The edge is as wide as a pixel.
      const float cover = std::clamp(.5F - beyond * scene.radius / step, 0.F, 1.F);
      const float grain = kGrain * static_cast<float>(rng.uniform(-1, 1));
      for (std::size_t c = 0; c < 3; ++c) {
        const float ground = scene.near.level[c] + v * (scene.far.level[c] - scene.near.level[c]);
        const float value = ground + cover * (scene.fill.level[c] - ground) + grain;
        to[c] = static_cast<std::uint8_t>(std::clamp(value, 0.F, 255.F));
      }
    }
  }
}

bool parse(std::string_view text, std::int64_t least, std::int64_t most, std::int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= least &&
         value <= most;
}

class SyntheticSource final : public Source {
 public:
  SyntheticSource(const std::string& path, Split split, const image::PixelFormat& pixels)
      : split_(split), pixels_(pixels) {
    if (path != kWord) {
      const std::string_view text =
          std::string_view(path).substr(std::min(kWord.size() + 1, path.size()));
      const std::size_t x = text.find('x');
      if (!is_synthetic(path) || !parse(text.substr(0, x), 1, kMostCount, count_) ||
          (x != std::string_view::npos &&
           !parse(text.substr(x + 1), kLeastSide, kMostSide, side_))) {
        throw DataError(
            fmt::format("drawn images must be asked for as synthetic:COUNTxSIDE, 1 to {} images of "
                        "{} to {} pixels "
                        "a side, got '{}'",
                        kMostCount,
                        kLeastSide,
                        kMostSide,
                        path));
      }
    }
    for (std::int64_t i = 0; i < count_; ++i) labels_.push_back(i % kNumShapes);
  }

  std::int64_t size() const override { return count_; }

  std::string name(std::int64_t i) const override { return fmt::format("{}[{}]", kWord, i); }

  void decode(std::int64_t i,
              std::span<const std::byte>,
              const image::Wanted&,
              image::Image& out) const override {
    check_invariant(i >= 0 && i < count_, "the image's number lies in the data set");
    Rng rng(0,
            Purpose::kSynthetic,
            split_ == Split::kTrain ? 0 : 1,
            static_cast<std::uint32_t>(i),
            static_cast<std::uint32_t>(side_));
    draw(rng, side_, kShapes[static_cast<std::size_t>(i % kNumShapes)].distance, out);
    image::conform(pixels_, out);
  }

  std::span<const std::int64_t> labels() const override { return labels_; }

  std::vector<std::string> class_names() const override {
    std::vector<std::string> names;
    for (const Shape& shape : kShapes) names.emplace_back(shape.name);
    return names;
  }

  std::string fingerprint() const override {
    return make_fingerprint(
        kWord, count_, fmt::format("{} {}", side_, split_ == Split::kTrain ? "train" : "test"));
  }

 private:
  Split split_;
  image::PixelFormat pixels_;
  std::int64_t count_ = kCount, side_ = kSide;
  std::vector<std::int64_t> labels_;
};

}  // namespace

bool is_synthetic(std::string_view path) {
  return path == kWord || (path.starts_with(kWord) && path[kWord.size()] == ':');
}

std::unique_ptr<Source> open_synthetic(const std::string& path,
                                       Split split,
                                       const image::PixelFormat& pixels) {
  return std::make_unique<SyntheticSource>(path, split, pixels);
}

}  // namespace sslrun::data
