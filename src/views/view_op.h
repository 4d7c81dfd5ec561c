// One step of a view's making: its recipe keys, its random parameters, its effect on the pixels.
#pragma once
#include "base/philox.h"
#include "config/component.h"
#include "image/image.h"
#include "views/canvas.h"

#include <cstdint>
#include <memory>
#include <string>

namespace sslrun::views {

struct ViewPlan;

/// A view operation of a recipe: the struct of its keys, and what it does. Thread-safe once bound.
class ViewOp : public config::Component {
 public:
  /// Draws this image's parameters from rng, and only from it, then changes the canvas; normalize
  /// delivers it.
  virtual void apply(Rng& rng, Canvas& canvas) const = 0;

  /// Draws what apply() draws, from the same random numbers, and adds it to the view's plan for the
  /// batched kernels. false, whatever is drawn: it has no form there, or not at this place.
  virtual bool plan(Rng& rng, ViewPlan& view) const {
    static_cast<void>(rng), static_cast<void>(view);
    return false;
  }

  /// What is wrong with it on images of so many channels: "needs ..", or "" where it has a meaning.
  virtual std::string channels_problem(std::int64_t channels) const {
    static_cast<void>(channels);
    return "";
  }
};

/// An operation that can begin a group: it makes the view's pixels from the image.
class CropOp : public ViewOp {
 public:
  /// Side of the square views that it makes; the group's other operations keep it.
  virtual std::int64_t side() const = 0;

  /// Draws the part of a [height, width] image that apply(), with the same random numbers, will look
  /// at: a box inside it, not empty.
  virtual image::Box part(Rng& rng, std::int64_t height, std::int64_t width) const {
    static_cast<void>(rng);
    return {0, 0, height, width};
  }
};

/// An operation that sets the method a task: it makes pictures of the view's one, and the classes
/// to be predicted from them. It is the last before normalize, so that nothing changes afterwards
/// what the classes speak of.
class TaskOp : public ViewOp {
 public:
  /// What apply() makes of one picture of this shape, by canvas.divide().
  virtual ViewForm form(ViewShape before) const = 0;

  /// How many classes there are.
  virtual std::int64_t classes() const = 0;

  /// Why it cannot work on views of this side, "must ..", or "".
  virtual std::string side_problem(std::int64_t side) const {
    static_cast<void>(side);
    return "";
  }
};

/// ComponentSpec::make of an operation.
template <class Op>
std::unique_ptr<config::Component> make_op() {
  return std::make_unique<Op>();
}

}  // namespace sslrun::views
