// A packed batch on the GPU against the same batch on the CPU: the same arithmetic in the same order,
// nothing contracted, so the same bits are promised. Not measured yet (RESULTS.md).
#include "kernels/augment/view_batch.h"

#include "tests/gpu/bench.h"
#include "tests/gpu/support.h"
#include "views/color_jitter.h"
#include "views/gaussian_blur.h"
#include "views/grayscale.h"
#include "views/horizontal_flip.h"
#include "views/normalize.h"
#include "views/packed_work.h"
#include "views/random_resized_crop.h"

#include <memory>

namespace {

using namespace sslrun;
using namespace sslrun::kernels;
using namespace sslrun::test;

views::ViewGroup group(std::int64_t size, std::int64_t views) {
  auto crop = std::make_shared<views::RandomResizedCrop>();
  crop->size = size;
  return {views,
          {{"random_resized_crop", crop},
           {"horizontal_flip", std::make_shared<views::HorizontalFlip>()},
           {"color_jitter", std::make_shared<views::ColorJitter>()},
           {"grayscale", std::make_shared<views::Grayscale>()},
           {"gaussian_blur", std::make_shared<views::GaussianBlur>()},
           {"normalize", std::make_shared<views::Normalize>()}}};
}

/// A packed batch of random images of different sizes.
struct Packed {
  Packed(const std::vector<views::ViewGroup>& groups, std::int64_t slots, std::int64_t side)
      : pipeline(groups, 3), work(pipeline, slots, std::pmr::new_delete_resource()) {
    batch.pack = work.make_pack();
    for (std::int64_t slot = 0; slot < slots; ++slot) {
      image::Image image;
      image.reshape(side + 61 * slot % 200, side + 37 * slot % 150, 3);
      Rng rng(1, Purpose::kProbe, 0, static_cast<std::uint32_t>(slot), 0);
      for (std::uint8_t& byte : image.pixels) byte = static_cast<std::uint8_t>(rng.below(256));
      work.run(image, 0, slot, slot, batch);
    }
    size = work.finish(batch);
  }

  std::vector<float> cpu() const {
    std::vector<std::uint8_t> resized(static_cast<std::size_t>(size.resized_bytes));
    std::vector<float> changed(static_cast<std::size_t>(size.changed_floats)),
        out(static_cast<std::size_t>(size.out_floats), -1.f);
    view_batch({size, batch.pack->data(), resized.data(), changed.data(), out.data()}, Cpu{});
    return out;
  }

  views::Pipeline pipeline;
  views::PackedWork work;
  data::Batch batch;
  ViewBatchSize size;
};

/// A packed batch on the GPU, with room for what is made of it.
struct OnGpu {
  explicit OnGpu(const Packed& packed)
      : size(packed.size),
        pack(std::vector<std::uint8_t>(packed.batch.pack->data(),
                                       packed.batch.pack->data() + packed.size.pack_bytes)),
        resized(static_cast<std::size_t>(size.resized_bytes)),
        changed(static_cast<std::size_t>(size.changed_floats)),
        out(std::vector<float>(static_cast<std::size_t>(size.out_floats), -2.f)) {}

  void run(Cuda device) const {
    view_batch({size, pack.data(), resized.data(), changed.data(), out.data()}, device);
  }

  ViewBatchSize size;
  DeviceArray<std::uint8_t> pack, resized;
  DeviceArray<float> changed, out;
};

}  // namespace

TEST_CASE("view_batch: the GPU makes the CPU's views, bit for bit, in every run",
          "[gpu][augment]") {
  for (const std::int64_t side : {1, 2, 40, 300}) {
    INFO("images from " << side << " pixels on");
    const Packed packed({group(224, 2), group(96, 3), group(33, 1)}, 5, side);
    const OnGpu gpu(packed);
    const Stream stream;
    gpu.run(stream.device());
    stream.wait();
    const std::vector<float> got = gpu.out.host(), want = packed.cpu();
    CHECK(bit_equal(got, want));
    report("view_batch", "largest difference of a value", max_difference(got, want), 0);
    gpu.run(stream.device());
    stream.wait();
    CHECK(bit_equal(gpu.out.host(), got));
  }
}

TEST_CASE("bench: view_batch", "[.][gpu][bench]") {
  for (const bool multi : {false, true}) {
    std::vector<views::ViewGroup> groups{group(224, 2)};
    if (multi) groups.push_back(group(96, 8));
    const Packed packed(groups, 128, 300);
    const OnGpu gpu(packed);
    const double ms = median_ms([&](Cuda device) { gpu.run(device); });
    const double bytes = static_cast<double>(packed.size.pack_bytes) +
                         4.0 * static_cast<double>(packed.size.out_floats);
    row("view_batch",
        multi ? "128 images, 2 x 224 + 8 x 96" : "128 images, 2 x 224",
        ms,
        bytes / ms / 1e6,
        "GB/s",
        std::to_string(static_cast<double>(packed.size.num_views) / ms / 1e3) + " million views/s");
  }
}
