// One step of a view's making: its recipe keys, its random parameters, its effect on the pixels.
#pragma once
#include "base/philox.h"
#include "config/component.h"
#include "image/image.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sslrun::views {

/// Sides of a view and its channels.
struct ViewShape {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 3;

  std::int64_t size() const { return height * width * channels; }
};

/// What a view consists of: one picture and no class, but for a TaskOp.
struct ViewForm {
  ViewShape shape;            // of each picture
  std::int64_t pictures = 1;  // one after the other
  std::int64_t targets = 0;   // classes that the method is to predict

  std::int64_t size() const { return pictures * shape.size(); }
};

/// A view in the making.
/// shapes    pixels [pictures, channels, height, width] float32 in [0, 1], unspecified before the
///           crop has run; out_HWC [pictures, height, width, channels] float32, written by
///           normalize; the two do not overlap. targets: written by a TaskOp.
struct Canvas {
  const image::Image& source;
  ViewShape shape;
  float* pixels;
  float* out_HWC;
  std::vector<float>& scratch_memory;  // the thread's own
  std::int64_t* targets = nullptr;
  std::int64_t pictures = 1;

  /// At least n floats of unspecified content; the next call takes them back.
  float* scratch(std::int64_t n) {
    const auto size = static_cast<std::size_t>(n);
    if (scratch_memory.size() < size) scratch_memory.resize(size);
    return scratch_memory.data();
  }
};

struct ViewPlan;

/// A view operation of a recipe: the struct of its keys, and what it does. Thread-safe once bound.
class ViewOp : public config::Component {
 public:
  /// Draws this image's parameters from rng, and only from it, then changes canvas.pixels in place;
  /// normalize fills canvas.out_HWC instead.
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
  /// What apply() makes of one picture of this shape. It leaves canvas.shape and canvas.pictures so,
  /// and has room for it in canvas.pixels.
  virtual ViewForm form(ViewShape before) const = 0;

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
