// From JPEG files to pixels, and from files or kept pixels to the views of SimCLR, DINO and MAE.
#include "data/loader.h"

#include "base/clock.h"
#include "base/cpu.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/thread_pool.h"
#include "bench/case.h"
#include "bench/images.h"
#include "config/document.h"
#include "config/fields.h"
#include "config/reader.h"
#include "data/cache.h"
#include "image/decode.h"
#include "views/view_ops.h"
#include "views/view_work.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <span>
#include <vector>
// jpeglib.h needs <cstdio> before it.
#include <jpeglib.h>

namespace sslrun::bench {
namespace {

constexpr std::int64_t kBatch = 64, kBatchesPerRepetition = 4, kScalingBatches = 8;
constexpr std::size_t kDecoded = 256;
constexpr std::int64_t kMade = 256, kWidth = 500,
                       kHeight = 375;  // synthetic files, about as large as ImageNet's

#define SSLRUN_TEXT(x) #x
#define SSLRUN_TEXT_OF(x) SSLRUN_TEXT(x)
constexpr const char* kLibJpeg =
#ifdef LIBJPEG_TURBO_VERSION
    "turbo " SSLRUN_TEXT_OF(LIBJPEG_TURBO_VERSION);
#else
    SSLRUN_TEXT_OF(JPEG_LIB_VERSION);
#endif

// The groups of views that the peers' benchmarks make: lightly's transforms of these names.
constexpr const char* kSimClrViews = R"(
groups:
  - views: 2
    ops:
      - random_resized_crop: {size: 224, scale: [0.08, 1.0]}
      - horizontal_flip: {p: 0.5}
      - color_jitter: {p: 0.8, brightness: 0.8, contrast: 0.8, saturation: 0.8, hue: 0.2}
      - grayscale: {p: 0.2}
      - gaussian_blur: {p: 0.5, sigma: [0.1, 2.0]}
      - normalize: imagenet
)";

constexpr const char* kDinoViews = R"(
groups:
  - views: 1
    ops:
      - random_resized_crop: {size: 224, scale: [0.4, 1.0], interpolation: bicubic}
      - horizontal_flip: {p: 0.5}
      - color_jitter: {p: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1}
      - grayscale: {p: 0.2}
      - gaussian_blur: {p: 1.0, sigma: [0.1, 2.0]}
      - normalize: imagenet
  - views: 1
    ops:
      - random_resized_crop: {size: 224, scale: [0.4, 1.0], interpolation: bicubic}
      - horizontal_flip: {p: 0.5}
      - color_jitter: {p: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1}
      - grayscale: {p: 0.2}
      - gaussian_blur: {p: 0.1, sigma: [0.1, 2.0]}
      - solarize: {p: 0.2}
      - normalize: imagenet
  - views: 8
    ops:
      - random_resized_crop: {size: 96, scale: [0.05, 0.4], interpolation: bicubic}
      - horizontal_flip: {p: 0.5}
      - color_jitter: {p: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1}
      - grayscale: {p: 0.2}
      - gaussian_blur: {p: 0.5, sigma: [0.1, 2.0]}
      - normalize: imagenet
)";

constexpr const char* kCropViews = R"(
groups:
  - views: 1
    ops:
      - random_resized_crop: {size: 224, scale: [0.08, 1.0]}
      - horizontal_flip: {p: 0.5}
      - normalize: imagenet
)";

constexpr const char* kMaeViews = R"(
groups:
  - views: 1
    ops:
      - random_resized_crop: {size: 224, scale: [0.2, 1.0], interpolation: bicubic}
      - horizontal_flip: {p: 0.5}
      - normalize: imagenet
)";

[[noreturn]] void throw_bad(const std::string& name, const std::string& reason) {
  throw DataError(
      fmt::format("bench: every image must be good, and '{}' is not ({}); remove it, or name "
                  "another folder with --data",
                  name,
                  reason));
}

void decode_one(const std::string& name, const std::string& bytes, image::Image& out) {
  try {
    image::decode(std::as_bytes(std::span(bytes)), out);
  } catch (const image::BadImage& bad) {
    throw_bad(name, bad.what());
  }
}

/// The first 256 files by name, from memory to pixels, on one thread whatever --threads says: as
/// decoders are compared.
Prepared prepare_decode(const CaseSettings& settings) {
  const JpegFolder folder(settings.data, 1, kMade, kWidth, kHeight);
  const auto names = std::make_shared<std::vector<std::string>>();
  const auto files = std::make_shared<std::vector<std::string>>();
  double bytes = 0, pixels = 0;
  image::Image image;
  for (const auto& path : folder.files()) {
    if (files->size() == kDecoded) break;
    names->push_back(path.string());
    files->push_back(read_file(path));
    decode_one(names->back(), files->back(), image);
    bytes += static_cast<double>(files->back().size());
    pixels += static_cast<double>(image.width * image.height);
  }
  const auto n = static_cast<double>(files->size());
  const auto once = [names, files] {
    image::Image out;
    for (std::size_t i = 0; i < files->size(); ++i) decode_one((*names)[i], (*files)[i], out);
  };
  return {.contenders = {{.tool = "sslrun", .suffix = "", .once = once, .items = n}},
          .note = fmt::format("one thread; {}; {} images of {:.1f} KB, {:.3f} megapixels, {:.2f} "
                              "bits per pixel on average",
                              folder.note(),
                              files->size(),
                              bytes / n / 1e3,
                              pixels / n / 1e6,
                              8 * bytes / pixels),
          .versions = {{"libjpeg", kLibJpeg}}};
}

enum class Reading { kFiles, kCachedPixels };

std::vector<views::ViewGroup> read_groups(const char* text) {
  std::vector<views::ViewGroup> made;
  config::read(config::parse_document("bench", text, {}), [&](config::Fields& f) {
    f.list("groups", "groups of views", made.size(), [&](config::Fields& item, std::size_t i) {
      if (i >= made.size()) made.resize(i + 1);
      item.integer("views", made[i].views, {}, "views");
      item.components("ops", made[i].ops, views::view_specs(), "operations");
    });
  });
  return made;
}

/// The data path of a training run, at full speed.
struct ViewPath {
  ViewPath(const CaseSettings& settings, const char* groups, Reading reading)
      : setting{.threads = settings.threads,
                .processors = cpu_count(),
                .cache = reading == Reading::kFiles ? "none" : "ram"},
        folder(settings.data, kBatch, kMade, kWidth, kHeight),
        files(data::open_source(folder.path().string(), "folder", data::Split::kTrain)),
        pipeline(read_groups(groups), 0),
        work(pipeline),
        sampler(0, files->size(), kBatch) {
    if (reading == Reading::kCachedPixels) fill_cache();
  }

  void fill_cache() {
    cache = std::make_unique<data::CachedSource>(
        *files, data::CacheOptions{.keep = data::Keep::kPixels, .max_bytes = free_memory() / 2});
    parallel_for(files->size(), [&](std::int64_t begin, std::int64_t end) {
      image::Image image;
      for (std::int64_t i = begin; i < end && cache->use().refused == 0; ++i) {
        try {
          cache->read(i, image);
        } catch (const image::BadImage& bad) {
          throw_bad(files->name(i), bad.what());
        }
      }
    });
    if (cache->use().refused > 0) {
      throw DataError(
          fmt::format("bench: half of the free memory must hold the pixels of all {} images of {}, "
                      "and does not; name a smaller folder with --data",
                      files->size(),
                      folder.note()));
    }
  }

  const data::Source& source() const { return cache ? *cache : *files; }

  std::unique_ptr<data::Loader> make_loader(std::int64_t threads) {
    return std::make_unique<data::Loader>(
        source(), sampler, work, data::LoaderOptions{.threads = threads});
  }

  std::string note(std::int64_t threads) const {
    return fmt::format("{} loader threads; {}; {} images, {}",
                       threads,
                       folder.note(),
                       files->size(),
                       cache ? fmt::format("their pixels in memory ({:.0f} MiB)",
                                           static_cast<double>(cache->use().bytes) / (1 << 20))
                             : "each read again and again from the page cache");
  }

  data::LoaderSetting setting;
  JpegFolder folder;
  std::unique_ptr<data::Source> files;
  std::unique_ptr<data::CachedSource> cache;
  views::Pipeline pipeline;
  views::ViewWork work;
  data::Sampler sampler;
};

void take_batches(data::Loader& loader, std::int64_t count) {
  for (std::int64_t b = 0; b < count; ++b) loader.next();
  if (loader.num_replaced() > 0)
    throw_bad(loader.bad_samples().front().name, loader.bad_samples().front().reason);
}

template <const char* const& groups, Reading reading>
Prepared prepare_views(const CaseSettings& settings) {
  const auto path = std::make_shared<ViewPath>(settings, groups, reading);
  const std::shared_ptr<data::Loader> loader = path->make_loader(settings.threads);
  return {.contenders = {{.tool = "sslrun",
                          .suffix = "",
                          .once = [path, loader] { take_batches(*loader, kBatchesPerRepetition); },
                          .items = static_cast<double>(kBatch * kBatchesPerRepetition)}},
          .note = path->note(settings.threads),
          .verdict = [path, loader] { return data::bottleneck(loader->stages(), path->setting); },
          .versions = {{"libjpeg", kLibJpeg}}};
}

/// The same batches by all threads and by one. Each repetition has a loader of its own, whose first
/// batch is not timed: one that waits for its turn would fill its ring meanwhile.
Contender scaling_contender(const std::shared_ptr<ViewPath>& path,
                            std::int64_t threads,
                            const std::string& suffix) {
  const auto seconds = std::make_shared<double>(0);
  return {.tool = "sslrun",
          .suffix = suffix,
          .once =
              [path, threads, seconds] {
                const auto loader = path->make_loader(threads);
                take_batches(*loader, 1);
                const Stopwatch watch;
                take_batches(*loader, kScalingBatches);
                *seconds = watch.seconds();
              },
          .items = static_cast<double>(kBatch * kScalingBatches),
          .seconds = [seconds] { return *seconds; }};
}

Prepared prepare_scaling(const CaseSettings& settings) {
  const std::int64_t threads = std::max<std::int64_t>(settings.threads, 2);
  const auto path = std::make_shared<ViewPath>(settings, kSimClrViews, Reading::kFiles);
  return {
      .contenders = {scaling_contender(path, threads, ""), scaling_contender(path, 1, "_1_thread")},
      .note = path->note(threads) + "; the ratio is theirs to one thread",
      .verdict = nullptr,
      .versions = {{"libjpeg", kLibJpeg}}};
}

}  // namespace

extern const Case case_decode_imagenet256{"decode_imagenet256",
                                          "loader",
                                          "images/s",
                                          "256 JPEG files in memory to RGB pixels, one thread",
                                          Memory::kPeak,
                                          prepare_decode};
extern const Case case_views_simclr{
    "views_simclr",
    "loader",
    "images/s",
    "JPEG files to two normalised views of 224 x 224, in batches of 64",
    Memory::kShare,
    prepare_views<kSimClrViews, Reading::kFiles>};
extern const Case case_views_dino{
    "views_dino",
    "loader",
    "images/s",
    "JPEG files to DINO's views, 2 of 224 x 224 and 8 of 96 x 96, in batches of 64",
    Memory::kShare,
    prepare_views<kDinoViews, Reading::kFiles>};
extern const Case case_views_mae{"views_mae",
                                 "loader",
                                 "images/s",
                                 "JPEG files to one normalised bicubic crop of 224 x 224",
                                 Memory::kShare,
                                 prepare_views<kMaeViews, Reading::kFiles>};
extern const Case case_views_simclr_cached{
    "views_simclr_cached",
    "loader",
    "images/s",
    "decoded images in memory (data.cache: ram) to the views of views_simclr",
    Memory::kShare,
    prepare_views<kSimClrViews, Reading::kCachedPixels>};
extern const Case case_rrc_cached{
    "rrc_cached",
    "loader",
    "images/s",
    "decoded images in memory to one random crop of 224 x 224, flipped and normalised",
    Memory::kShare,
    prepare_views<kCropViews, Reading::kCachedPixels>};
extern const Case case_loader_scaling{
    "loader_scaling",
    "loader",
    "images/s",
    "views_simclr by all threads and by one, and the ratio of the two",
    Memory::kShare,
    prepare_scaling};

}  // namespace sslrun::bench
