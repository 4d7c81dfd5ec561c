#include "eval/features.h"

#include "base/error.h"
#include "image/decode.h"
#include "tests/support/torch_catch.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <string>

namespace {

using namespace sslrun;

/// Image i is one colour, i; those in `bad` cannot be read.
class Colours final : public data::Source {
 public:
  Colours(std::int64_t size, std::vector<std::int64_t> bad) : size_(size), bad_(std::move(bad)) {
    for (std::int64_t i = 0; i < size; ++i) labels_.push_back(i % 3);
  }

  std::int64_t size() const override { return size_; }

  std::string name(std::int64_t i) const override { return std::to_string(i); }

  void decode(std::int64_t i,
              std::span<const std::byte>,
              const image::Wanted&,
              image::Image& out) const override {
    if (std::find(bad_.begin(), bad_.end(), i) != bad_.end()) throw image::BadImage("damaged");
    out.reshape(5, 4, 3);
    std::fill(out.pixels.begin(), out.pixels.end(), static_cast<std::uint8_t>(i));
  }

  std::span<const std::int64_t> labels() const override { return labels_; }

  std::vector<std::string> class_names() const override { return {"a", "b", "c"}; }

  std::string fingerprint() const override { return "colours"; }

 private:
  std::int64_t size_;
  std::vector<std::int64_t> bad_, labels_;
};

/// The mean colour, and whether the encoder was in train mode.
class MeanColour final : public encoders::Encoder {
 public:
  at::Tensor forward(const at::Tensor& x_NCHW) const override {
    trained_ = trained_ || training();
    return x_NCHW.mean(at::IntArrayRef{2, 3});
  }

  std::int64_t width() const override { return 3; }

  mutable bool trained_ = false;
};

const views::EvalTransform& transform() {
  static const views::EvalTransform to_unit(4, views::ChannelStats{{0, 0, 0}, {1, 1, 1}});
  return to_unit;
}

}  // namespace

TEST_CASE(
    "features: a row per readable image, in order, with its label; batches and threads do not "
    "matter",
    "[eval][features]") {
  const Colours source(23, {0, 7, 22});
  MeanColour encoder;
  const std::int64_t batch = GENERATE(1, 4, 100);
  const eval::Features f =
      eval::extract_features(encoder, source, transform(), {.batch_size = batch});
  REQUIRE(f.x_NF.size(0) == 20);
  REQUIRE(f.labels.size() == 20);
  CHECK(f.num_bad == 3);
  std::int64_t row = 0;
  for (std::int64_t i = 0; i < 23; ++i) {
    if (i == 0 || i == 7 || i == 22) continue;
    CHECK(f.x_NF[row][1].item<float>() == Approx(static_cast<double>(i) / 255).epsilon(1e-6));
    CHECK(f.labels[static_cast<std::size_t>(row)] == i % 3);
    ++row;
  }
  CHECK_FALSE(encoder.trained_);
  CHECK(encoder.training());
}

TEST_CASE("features: only the samples asked for, and a stop ends the work", "[eval][features]") {
  const Colours source(23, {});
  MeanColour encoder;
  const eval::Features some =
      eval::extract_features(encoder, source, transform(), {.samples = {20, 3}});
  REQUIRE(some.x_NF.size(0) == 2);
  CHECK(some.x_NF[0][0].item<float>() == Approx(20.0 / 255).epsilon(1e-6));
  const auto at_once = [] { return true; };
  CHECK(eval::extract_features(encoder, source, transform(), {.batch_size = 4, .stop = at_once})
            .x_NF.size(0) == 4);
}

TEST_CASE("features: no readable image at all is an error that names one", "[eval][features]") {
  const Colours source(2, {0, 1});
  MeanColour encoder;
  CHECK_THROWS_AS(eval::extract_features(encoder, source, transform(), {}), DataError);
}

TEST_CASE("draw_samples: distinct, ascending, the same every time", "[eval][features]") {
  const auto drawn = eval::draw_samples(1000, 100);
  CHECK(drawn.size() == 100);
  CHECK(std::is_sorted(drawn.begin(), drawn.end()));
  CHECK(std::adjacent_find(drawn.begin(), drawn.end()) == drawn.end());
  CHECK(drawn.front() >= 0);
  CHECK(drawn.back() < 1000);
  CHECK(drawn == eval::draw_samples(1000, 100));
  CHECK(eval::draw_samples(5, 5) == std::vector<std::int64_t>{0, 1, 2, 3, 4});
}
