// From JPEG files to pixels, and to the views of SimCLR.
#include "base/error.h"
#include "base/thread_pool.h"
#include "bench/case.h"
#include "config/fields.h"
#include "config/reader.h"
#include "config/document.h"
#include "data/loader.h"
#include "image/decode.h"
#include "recipe/recipe.h"
#include "views/view_ops.h"
#include "views/view_work.h"

namespace sslrun::bench {
namespace {

constexpr std::int64_t kBatch = 64, kBatchesPerRepetition = 4;

constexpr const char* kSimClrViews = R"(
ops:
  - random_resized_crop: {size: 224, scale: [0.08, 1.0]}
  - horizontal_flip: {p: 0.5}
  - color_jitter: {p: 0.8, brightness: 0.8, contrast: 0.8, saturation: 0.8, hue: 0.2}
  - grayscale: {p: 0.2}
  - gaussian_blur: {p: 0.5, sigma: [0.1, 2.0]}
  - normalize: imagenet
)";

std::shared_ptr<const data::Source> images(const CaseSettings& settings) {
  if (settings.data.empty()) throw DataError("bench: this case reads JPEG files; name their folder with --data");
  return data::open_source(settings.data, "folder", data::Split::kTrain);
}

/// Every image of the folder, decoded.
std::vector<Contender> prepare_decode(const CaseSettings& settings) {
  const auto source = images(settings);
  const auto once = [source] {
    parallel_for(source->size(), [&](std::int64_t begin, std::int64_t end) {
      image::Image image;
      for (std::int64_t i = begin; i < end; ++i) source->read(i, image);
    });
  };
  return {{.tool = "sslrun", .once = once, .items = static_cast<double>(source->size())}};
}

/// The data path of a training run, at full speed.
struct ViewPath {
  explicit ViewPath(const CaseSettings& settings)
      : source(images(settings)),
        group([] {
          views::ViewGroup made{.views = 2, .ops = {}};
          const config::Document document = config::parse_document("bench", kSimClrViews, {});
          config::read(document, [&](config::Fields& f) { f.components("ops", made.ops, views::view_specs(), "operations"); });
          return made;
        }()),
        pipeline({group}, 0),
        work(pipeline),
        sampler(0, source->size(), std::min(kBatch, source->size())),
        loader(*source, sampler, work, {.threads = settings.threads}) {}

  std::shared_ptr<const data::Source> source;
  views::ViewGroup group;
  views::Pipeline pipeline;
  views::ViewWork work;
  data::Sampler sampler;
  data::Loader loader;
};

std::vector<Contender> prepare_views(const CaseSettings& settings) {
  const auto path = std::make_shared<ViewPath>(settings);
  const auto once = [path] {
    for (std::int64_t b = 0; b < kBatchesPerRepetition; ++b) path->loader.next();
  };
  return {{.tool = "sslrun", .once = once, .items = static_cast<double>(kBatchesPerRepetition * path->sampler.batch())}};
}

}  // namespace

extern const Case case_decode_imagenet256{"decode_imagenet256", "loader", "images/s", "JPEG files of --data to RGB pixels", prepare_decode};
extern const Case case_views_simclr{"views_simclr", "loader", "images/s",
                                    "JPEG files of --data to two normalised views of 224 x 224, in batches of 64", prepare_views};

}  // namespace sslrun::bench
