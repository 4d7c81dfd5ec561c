#include "config/fields.h"
#include "views/byte_levels.h"
#include "views/view_op.h"

#include <algorithm>
#include <array>

namespace sslrun::views {

namespace {

// Level v becomes (pixels below v + step / 2) / step, step being the 255th part of all pixels but
// those of the highest level that occurs. A step below 1 leaves the plane as it is.
void equalize(float* plane, std::int64_t n) {
  std::array<std::int64_t, 256> count{};
  for (std::int64_t i = 0; i < n; ++i) ++count[to_level(plane[i])];
  const auto highest = std::find_if(count.rbegin(), count.rend(), [](auto k) { return k > 0; });
  const std::int64_t step = (n - *highest) / 255;
  if (step == 0) return;
  std::array<float, 256> value{};
  std::int64_t below = 0;
  for (std::size_t v = 0; v < 256; ++v) {
    const std::int64_t level = std::min<std::int64_t>((below + step / 2) / step, 255);
    value[v] = from_level(static_cast<std::uint8_t>(level));
    below += count[v];
  }
  for (std::int64_t i = 0; i < n; ++i) plane[i] = value[to_level(plane[i])];
}

struct Equalize final : ViewOp {
  double p = 0.2;

  void bind(config::Fields& f) override {
    f.shorthand("p");
    f.real("p", p, {.min = 0, .max = 1}, "probability to equalize");
  }

  void apply(Rng& rng, Canvas& canvas) const override {
    if (!(rng.uniform() < p)) return;
    const std::int64_t plane = canvas.shape().height * canvas.shape().width;
    for (std::int64_t c = 0; c < canvas.shape().channels; ++c)
      equalize(canvas.pixels() + c * plane, plane);
  }
};

}  // namespace

const config::ComponentSpec& view_spec_equalize() {
  static const config::ComponentSpec spec{"equalize",
                                          "spreads the values so that all are equally common",
                                          "torchvision 0.26 RandomEqualize",
                                          make_op<Equalize>};
  return spec;
}

}  // namespace sslrun::views
