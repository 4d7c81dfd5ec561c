// A view in the making.
#pragma once
#include "image/image.h"
#include "kernels/augment/color_jitter.h"
#include "kernels/augment/crop_resize.h"

#include <cstdint>
#include <optional>
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

/// Mean and standard deviation of each channel, on the scale of [0, 1].
struct ChannelStats {
  std::vector<float> mean;
  std::vector<float> std;
};

/// What a thread keeps from view to view, so that a view allocates nothing.
struct CanvasMemory {
  std::vector<float> pixels = {};
  std::vector<float> scratch = {};
  std::vector<std::uint8_t> bytes = {};
};

/// The picture that the operations of a view change one after the other. What one pass over the
/// pixels can do together is put off until somebody looks: the crop with the flip after it, then
/// steps that change each pixel by itself, then the normalisation. Results are the same bits as if
/// each were done at once.
class Canvas {
 public:
  /// source: the image that a crop is cut from. out_HWC: [pictures, height, width, channels]
  /// float32, where the view goes. targets: where a TaskOp writes its classes. Without a crop the
  /// picture is what memory.pixels holds.
  Canvas(const image::Image& source,
         ViewShape shape,
         float* out_HWC,
         CanvasMemory& memory,
         std::int64_t* targets = nullptr);

  const image::Image& source() const { return source_; }

  /// Of each picture.
  ViewShape shape() const { return shape_; }

  std::int64_t pictures() const { return pictures_; }

  std::int64_t* targets() { return targets_; }

  float* out_HWC() { return out_HWC_; }

  /// The picture becomes the box of the source, resized to the shape.
  void crop(const image::Box& box, kernels::ResizeFilter filter);
  /// Mirrors left and right.
  void mirror();
  /// Changes each pixel by itself. Other than three channels know brightness, contrast about each
  /// channel's own mean, solarize and posterize.
  void add(kernels::ToneStep step);
  /// The picture so far, [channels, height, width] float32 in [0, 1], to be changed in place; of
  /// several, one after the other.
  float* pixels();
  /// The picture becomes several of another shape; returns room for them, of unspecified content.
  float* divide(std::int64_t pictures, ViewShape shape);
  /// Writes (x - mean) / std of every picture to out_HWC; ends the view.
  void deliver(const ChannelStats& stats);

  /// At least n floats of unspecified content; the next call takes them back.
  float* scratch(std::int64_t n);

 private:
  struct Crop {
    image::Box box;
    kernels::ResizeFilter filter;
    bool flip;
  };

  void run_crop();
  kernels::ColorJitterView pending();
  void change_channels(kernels::ToneStep step);

  const image::Image& source_;
  ViewShape shape_;
  float* out_HWC_;
  CanvasMemory& memory_;
  std::int64_t* targets_;
  std::int64_t pictures_ = 1;
  std::optional<Crop> crop_;                         // not yet run
  bool in_bytes_ = false;                            // memory_.bytes hold the picture
  kernels::ToneStep steps_[kernels::kMaxToneSteps];  // not yet run
  int num_steps_ = 0;
};

/// (x - mean) / std. shapes: pixels [channels, height, width] -> out_HWC [height, width, channels],
/// apart from each other.
void apply_stats(const ChannelStats& stats, ViewShape shape, const float* pixels, float* out_HWC);

}  // namespace sslrun::views
