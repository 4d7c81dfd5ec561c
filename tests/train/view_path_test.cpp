#include "train/view_path.h"

#include "data/sampler.h"
#include "tests/support/torch_catch.h"
#include "views/color_jitter.h"
#include "views/gaussian_blur.h"
#include "views/normalize.h"
#include "views/random_resized_crop.h"

#include <ATen/ops/equal.h>

namespace sslrun::train {

namespace {

class NoiseSource final : public data::Source {
 public:
  std::int64_t size() const override { return 12; }

  std::string name(std::int64_t i) const override { return std::to_string(i); }

  void decode(std::int64_t i,
              std::span<const std::byte>,
              const image::Wanted&,
              image::Image& out) const override {
    out.reshape(20 + 7 * i, 60 - 3 * i, 3);
    Rng rng(1, Purpose::kProbe, 0, static_cast<std::uint32_t>(i), 0);
    for (std::uint8_t& byte : out.pixels) byte = static_cast<std::uint8_t>(rng.below(256));
  }

  std::span<const std::int64_t> labels() const override { return {}; }

  std::vector<std::string> class_names() const override { return {}; }

  std::string fingerprint() const override { return "noise"; }
};

views::ViewGroup group(std::int64_t size, std::int64_t views) {
  auto crop = std::make_shared<views::RandomResizedCrop>();
  crop->size = size;
  return {views,
          {{"random_resized_crop", crop},
           {"color_jitter", std::make_shared<views::ColorJitter>()},
           {"gaussian_blur", std::make_shared<views::GaussianBlur>()},
           {"normalize", std::make_shared<views::Normalize>()}}};
}

}  // namespace

TEST_CASE("view_path: packed or not, the loader's batches become the same tensors", "[train]") {
  const views::Pipeline pipeline({group(40, 2), group(21, 3)}, 6);
  const NoiseSource source;
  const data::Sampler sampler(2, source.size(), 6);
  const auto plain = make_cpu_path(pipeline, at::kCPU);
  const auto packed = make_packed_path(pipeline, 6, at::kCPU);
  data::Loader one(source, sampler, plain->work(), {.threads = 1, .end_step = 7});
  data::Loader other(source, sampler, packed->work(), {.threads = 3, .prefetch = 2, .end_step = 7});
  for (int step = 0; step < 7; ++step) {
    plain->load(one.next());
    packed->load(other.next());
    for (std::int64_t v = 0; v < 5; ++v) {
      for (const auto& [first, images] : {std::pair{0, 6}, {2, 3}}) {
        const at::Tensor want = plain->view(v, first, images), got = packed->view(v, first, images);
        CHECK(got.sizes() == want.sizes());
        CHECK(got.strides() == want.strides());
        CHECK(at::equal(got, want));
      }
    }
    const auto want = plain->first(4), got = packed->first(4);
    CHECK(got == want);
  }
}

TEST_CASE("view_path: who makes the views is decided from the recipe and the device", "[train]") {
  recipe::Recipe recipe;
  const at::Device gpu(at::kCUDA, 0);
  const views::Pipeline pipeline({group(40, 2)}, 6);
  CHECK(why_cpu_views(pipeline, recipe, gpu).empty());
  CHECK_FALSE(why_cpu_views(pipeline, recipe, at::kCPU).empty());
  recipe.data.bit_depth = "16";
  CHECK(why_cpu_views(pipeline, recipe, gpu) == "data.bit_depth is 16, and the GPU takes 8");
  recipe.data.bit_depth = "8";
  views::ViewGroup late = group(40, 2);
  std::swap(late.ops[1], late.ops[2]);  // colours behind the blur
  CHECK(why_cpu_views(views::Pipeline({late}, 6), recipe, gpu) ==
        "color_jitter has no form for the GPU, or not at its place in the recipe");
}

}  // namespace sslrun::train
