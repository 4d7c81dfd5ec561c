#include "views/canvas.h"

#include "kernels/augment/unit_core.h"
#include "tests/support/catch.h"
#include "tests/views/support.h"

#include <vector>

namespace sslrun::views {

namespace {

using Floats = std::vector<float>;
using Op = kernels::ToneOp;

// What is done to a canvas, in order; by itself each change is run at once.
using Change = void (*)(Canvas&);

const std::vector<std::vector<Change>>& programs() {
  static const Change crop = [](Canvas& c) {
    c.crop({3, 5, 30, 41}, kernels::ResizeFilter::kBicubic);
  };
  static const Change flip = [](Canvas& c) { c.mirror(); };
  static const Change bright = [](Canvas& c) { c.add({Op::kBrightness, 1.3f}); };
  static const Change contrast = [](Canvas& c) { c.add({Op::kContrast, 0.6f}); };
  static const Change solarize = [](Canvas& c) { c.add({Op::kSolarize, 0.5f}); };
  static const Change many = [](Canvas& c) {
    for (int i = 0; i < 11; ++i) c.add({Op::kBrightness, i % 2 == 0 ? 1.1f : 0.9f});
  };
  static const std::vector<std::vector<Change>> all{
      {crop},
      {crop, flip},
      {crop, flip, flip, bright},
      {crop, bright, flip, contrast, solarize},
      {crop, flip, contrast, bright, contrast},
      {crop, many, solarize},
      {crop, bright, crop, contrast},
  };
  return all;
}

const std::vector<Change>& color_steps() {
  static const std::vector<Change> steps{[](Canvas& c) {
                                           c.add({Op::kSaturation, 1.7f});
                                         },
                                         [](Canvas& c) {
                                           c.add({Op::kHue, -0.2f});
                                         },
                                         [](Canvas& c) { c.add({Op::kGrayscale}); }};
  return steps;
}

Floats view_of(const image::Image& image,
               const std::vector<Change>& program,
               std::int64_t channels,
               bool at_once) {
  CanvasMemory memory;
  memory.pixels.assign(9999, NAN);
  Floats out(static_cast<std::size_t>(17 * 23 * channels), NAN);
  Canvas canvas(image, {17, 23, channels}, out.data(), memory);
  for (const Change change : program) {
    change(canvas);
    if (at_once) canvas.pixels();
  }
  const auto n = static_cast<std::size_t>(channels);
  canvas.deliver({Floats(n, 0.25f), Floats(n, 0.5f)});
  return out;
}

image::Image channels_of(std::int64_t channels, std::int64_t bits) {
  const image::Image noise = noise_image(40, 50 * channels * bits / 8, 5);  // enough bytes
  image::Image image;
  image.reshape(50, 40, channels, bits);
  std::copy_n(noise.pixels.begin(), image.pixels.size(), image.pixels.begin());
  return image;
}

}  // namespace

TEST_CASE("canvas: what is put off gives the same bits as what is done at once", "[views]") {
  for (const std::int64_t channels : {1, 3, 4})
    for (const std::int64_t bits : {8, 16}) {
      const image::Image image = channels_of(channels, bits);
      for (std::vector<Change> program : programs()) {
        if (channels == 3)
          program.insert(program.end(), color_steps().begin(), color_steps().end());
        const Floats together = view_of(image, program, channels, false);
        CAPTURE(channels, bits);
        CHECK(together == view_of(image, program, channels, true));
        CHECK(std::count_if(together.begin(), together.end(), [](float x) { return x != x; }) == 0);
      }
    }
}

TEST_CASE("canvas: a flip after the crop is the flip of its pixels", "[views]") {
  const image::Image image = channels_of(3, 8);
  const auto made = [&](bool early) {
    CanvasMemory memory;
    Canvas canvas(image, {17, 23, 3}, nullptr, memory);
    canvas.crop({3, 5, 30, 41}, kernels::ResizeFilter::kBilinear);
    if (!early) canvas.pixels();
    canvas.mirror();
    canvas.pixels();
    return memory.pixels;
  };
  CHECK(made(true) == made(false));
  CHECK(made(true) != view_of(image, {}, 3, false));
}

}  // namespace sslrun::views
