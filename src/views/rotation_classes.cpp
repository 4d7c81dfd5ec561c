#include "base/error.h"
#include "config/fields.h"
#include "views/quarter_turn.h"
#include "views/view_op.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace sslrun::views {

namespace {

constexpr std::int64_t kTurnClasses = 4;
constexpr std::array<std::string_view, 2> kTurns{"all", "drawn"};

struct RotationClasses final : TaskOp {
  std::string turns = "all";

  void bind(config::Fields& f) override {
    f.shorthand("turns");
    f.choice(
        "turns",
        turns,
        kTurns,
        "all: the view turned by 0, 90, 180 and 270 degrees, four pictures; drawn: one of them");
  }

  ViewForm form(ViewShape before) const override {
    const std::int64_t pictures = turns == "all" ? kTurnClasses : 1;
    return {before, pictures, pictures};
  }

  std::int64_t classes() const override { return kTurnClasses; }

  void apply(Rng& rng, Canvas& canvas) const override {
    const std::int64_t n = canvas.shape().width, size = canvas.shape().size();
    check_invariant(canvas.shape().height == n, "a view that is turned by right angles is square");
    float* before = canvas.scratch(size);
    std::copy_n(canvas.pixels(), size, before);
    float* pixels = canvas.divide(turns == "all" ? kTurnClasses : 1, canvas.shape());
    const std::int64_t first = turns == "all" ? 0 : rng.below(kTurnClasses);
    for (std::int64_t i = 0; i < canvas.pictures(); ++i) {
      for (std::int64_t plane = 0; plane < size; plane += n * n)
        turn_plane(before + plane, n, first + i, pixels + i * size + plane);
      canvas.targets()[i] = first + i;
    }
  }
};

}  // namespace

const config::ComponentSpec& view_spec_rotation_classes() {
  static const config::ComponentSpec spec{
      "rotation_classes",
      "turns by right angles, counter-clockwise; the method is to tell by how many",
      "RotNet, arXiv:1803.07728; gidariss/FeatureLearningRotNet dataloader.py",
      make_op<RotationClasses>};
  return spec;
}

}  // namespace sslrun::views
