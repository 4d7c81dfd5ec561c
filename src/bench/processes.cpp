// What it costs to share a batch among processes instead of threads.
#include "base/error.h"
#include "base/file.h"
#include "bench/case.h"
#include "bench/child.h"
#include "bench/temp_folder.h"

#include <torch/version.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <string>

namespace sslrun::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kBatch = 128, kSteps = 9;

// ResNet-18 with CIFAR stem, full width; the images are drawn, and kept once they were read.
constexpr const char* kRecipe = R"(version: 1
method: {{name: simclr, temperature: 0.2, projector: {{hidden_dim: 128, output_dim: 64}}}}
encoder: {{name: resnet18, stem: cifar}}
data: {{train: 'synthetic:{}x32', cache: ram}}
augmentations:
  - views: 2
    ops:
      - random_resized_crop: {{size: 32, scale: [0.2, 1.0]}}
      - horizontal_flip
      - color_jitter: {{p: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1}}
      - grayscale: 0.2
      - normalize: imagenet
optimizer: {{name: sgd, lr: 0.06, momentum: 0.9, weight_decay: 5.0e-4}}
schedule: {{epochs: 1, warmup_epochs: 0}}
train: {{batch_size: {}}}
)";

class Runs {
 public:
  explicit Runs(const CaseSettings& settings)
      : threads_(settings.threads), program_(settings.program) {
    write_file_synced(recipe(), fmt::format(kRecipe, kBatch * kSteps, kBatch));
  }

  /// Trains on `devices`. What counts are the seconds from the end of the first step to that of the
  /// last.
  void once(const std::string& devices) {
    const fs::path out = folder_.path() / "run", words = folder_.path() / "words.txt";
    fs::remove_all(out);
    const Pinned pinned(threads_);
    Child child(
        {program_, "pretrain", recipe().string(), "--out", out.string(), "--devices", devices},
        words);
    if (!child.succeeded())
      throw DataError(fmt::format("bench: sslrun pretrain --devices {} must train, and it said: {}",
                                  devices,
                                  read_file(words)));
    const std::string metrics = read_file(out / "metrics.jsonl");
    const auto seconds = [](const std::string& line) {
      return nlohmann::json::parse(line).at("time_s").get<double>();
    };
    const std::size_t last = metrics.rfind('\n', metrics.size() - 2) + 1;
    seconds_ = seconds(metrics.substr(last)) - seconds(metrics.substr(0, metrics.find('\n')));
  }

  double seconds() const { return seconds_; }

 private:
  fs::path recipe() const { return folder_.path() / "processes.yaml"; }

  TempFolder folder_;
  std::int64_t threads_;
  std::string program_;
  double seconds_ = 0;
};

Prepared prepare(const CaseSettings& settings) {
  const auto runs = std::make_shared<Runs>(settings);
  const auto contender = [runs](const std::string& suffix, const std::string& devices) {
    return Contender{.tool = "sslrun",
                     .suffix = suffix,
                     .once = [runs, devices] { runs->once(devices); },
                     .items = static_cast<double>(kBatch * (kSteps - 1)),
                     .seconds = [runs] { return runs->seconds(); }};
  };
  return {
      .contenders = {contender("", "cpu:2"), contender("_one", "cpu")},
      .note = fmt::format(
          "{} processors for both; steps 2 to {} of a run of its own", settings.threads, kSteps),
      .versions = {{"libtorch", TORCH_VERSION}}};
}

}  // namespace

extern const Case case_processes_2_rn18_32{
    "processes_2_rn18_32",
    "processes",
    "images/s",
    "SimCLR steps of a ResNet-18, batch 128 of 32 x 32, by two processes over Gloo, beside one",
    Memory::kNone,
    prepare};

}  // namespace sslrun::bench
