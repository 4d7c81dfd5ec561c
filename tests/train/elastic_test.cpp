// What images a run sees, and what of them, does not depend on how many ranks share them out.
#include "data/loader.h"
#include "recipe/load.h"
#include "tests/support/torch_catch.h"
#include "train/view_path.h"
#include "views/pipeline.h"

#include <string_view>
#include <vector>

namespace {

using namespace sslrun;

constexpr std::int64_t kImages = 2500, kBatch = 24, kMicroBatches = 2;

struct Seen {
  std::int64_t sample = 0;
  std::vector<std::size_t> pixels;  // a hash of each view

  bool operator==(const Seen&) const = default;
};

/// The images of steps [begin, end) in the order of the whole batches.
std::vector<Seen> see(const recipe::LoadedRecipe& loaded,
                      const data::Source& source,
                      std::int64_t begin,
                      std::int64_t end,
                      std::int64_t ranks) {
  const views::Pipeline pipeline(loaded.recipe.augmentations, 7, 3);
  const std::int64_t share = kBatch / ranks / kMicroBatches;
  std::vector<Seen> out(static_cast<std::size_t>((end - begin) * kBatch));
  for (std::int64_t rank = 0; rank < ranks; ++rank) {
    const auto path = train::make_cpu_path(pipeline, at::kCPU);
    data::Loader loader(source,
                        data::Sampler(7, source.size(), kBatch),
                        path->work(),
                        {.threads = 2,
                         .rank = rank,
                         .ranks = ranks,
                         .micro_batches = kMicroBatches,
                         .start_step = begin,
                         .end_step = end});
    for (std::int64_t step = begin; step < end; ++step) {
      const data::Batch& batch = loader.next();
      for (std::int64_t slot = 0; slot < kBatch / ranks; ++slot) {
        const std::int64_t place = (slot / share * ranks + rank) * share + slot % share;
        Seen& seen = out[static_cast<std::size_t>((step - begin) * kBatch + place)];
        seen.sample = batch.samples[static_cast<std::size_t>(slot)];
        for (std::int64_t v = 0; v < pipeline.num_views(); ++v) {
          const std::int64_t size = pipeline.form(v).size();
          const float* const pixels = batch.views[static_cast<std::size_t>(v)].data() + slot * size;
          seen.pixels.push_back(std::hash<std::string_view>{}(
              {reinterpret_cast<const char*>(pixels), sizeof(float) * std::size_t(size)}));
        }
      }
    }
  }
  return out;
}

}  // namespace

TEST_CASE("elastic: 10,000 samples and their pixels are the same when 4 ranks become 2, 1 and 3",
          "[train]") {
  const auto loaded = recipe::load_recipe(
      SSLRUN_TEST_DIR "/../configs/simclr.yaml",
      std::vector<std::string>{"data.train=synthetic:" + std::to_string(kImages) + "x12",
                               "augmentations[0].ops[0].random_resized_crop.size=8"});
  const recipe::OpenedData data = recipe::open_data(loaded);
  constexpr std::int64_t kSteps = 420;  // 10,080 samples, in the fifth pass over the images
  const std::vector<Seen> want = see(loaded, *data.train, 0, kSteps, 1);
  std::vector<Seen> got;
  std::int64_t begin = 0;
  for (const std::int64_t ranks : {4, 2, 1, 3}) {
    const std::int64_t end = begin + 105;
    const std::vector<Seen> part = see(loaded, *data.train, begin, end, ranks);
    got.insert(got.end(), part.begin(), part.end());
    begin = end;
  }
  REQUIRE(got.size() == want.size());
  CHECK((got == want));
  CHECK(want[0].pixels[0] != want[0].pixels[1]);
}
