#include "eval/features.h"

#include "base/error.h"
#include "base/permutation.h"
#include "base/thread_pool.h"
#include "image/decode.h"
#include "ops/step.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <span>

namespace sslrun::eval {
namespace {

/// Evaluation mode for a scope.
class EvaluationMode {
 public:
  explicit EvaluationMode(nn::Module& module) : module_(module), was_training_(module.training()) {
    module_.train(false);
  }

  ~EvaluationMode() { module_.train(was_training_); }

  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  nn::Module& module_;
  bool was_training_;
};

struct Loaded {
  std::vector<float> pixels_NHWC;     // the good images, one after the other
  std::vector<std::int64_t> samples;  // their numbers
};

Loaded load(const data::Source& source,
            const views::EvalTransform& transform,
            std::span<const std::int64_t> samples) {
  const auto size = static_cast<std::size_t>(transform.shape().size());
  Loaded out{.pixels_NHWC = std::vector<float>(samples.size() * size), .samples = {}};
  std::vector<char> good(samples.size(), 0);
  parallel_for(
      static_cast<std::int64_t>(samples.size()), [&](std::int64_t begin, std::int64_t end) {
        image::Image image;
        for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
          try {
            source.read(samples[i], image);
          } catch (const image::BadImage&) {
            continue;
          }
          transform.run(image, out.pixels_NHWC.data() + i * size);
          good[i] = 1;
        }
      });
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (good[i] == 0) continue;
    if (out.samples.size() != i) {
      std::copy_n(out.pixels_NHWC.data() + i * size,
                  size,
                  out.pixels_NHWC.data() + out.samples.size() * size);
    }
    out.samples.push_back(samples[i]);
  }
  return out;
}

}  // namespace

std::vector<std::int64_t> draw_samples(std::int64_t size, std::int64_t count) {
  check_invariant(count >= 1 && count <= size, "as many images are drawn as there are, or fewer");
  const Permutation order(/*seed=*/0, /*epoch=*/0, size);
  std::vector<std::int64_t> out(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = order(static_cast<std::int64_t>(i));
  std::sort(out.begin(), out.end());
  return out;
}

Features extract_features(encoders::Encoder& encoder,
                          const data::Source& source,
                          const views::EvalTransform& transform,
                          const ExtractOptions& options) {
  const EvaluationMode evaluation(encoder);
  const at::NoGradGuard no_grad;
  const ops::Autocast autocast(options.precision, options.device);
  std::vector<std::int64_t> all = options.samples;
  for (std::int64_t i = 0; options.samples.empty() && i < source.size(); ++i) all.push_back(i);
  const std::span<const std::int64_t> samples = all;
  const auto batch = [&](std::size_t begin) {
    const auto count =
        std::min<std::size_t>(static_cast<std::size_t>(options.batch_size), samples.size() - begin);
    return std::async(std::launch::async, [&, part = samples.subspan(begin, count)] {
      return load(source, transform, part);
    });
  };
  Features out;
  std::vector<at::Tensor> parts;
  std::future<Loaded> next = batch(0);
  for (std::size_t begin = 0; begin < samples.size();) {
    const Loaded now = next.get();
    const std::size_t end =
        std::min(begin + static_cast<std::size_t>(options.batch_size), samples.size());
    if (end < samples.size()) next = batch(end);
    out.num_bad += static_cast<std::int64_t>(end - begin - now.samples.size());
    const auto count = static_cast<std::int64_t>(now.samples.size());
    if (count > 0) {
      const at::Tensor x = ops::images_to(now.pixels_NHWC.data(),
                                          count,
                                          transform.shape().height,
                                          transform.shape().width,
                                          transform.shape().channels,
                                          options.device);
      parts.push_back(encoder.forward(x).to(at::kFloat).cpu());
    }
    if (!source.labels().empty()) {
      for (const std::int64_t i : now.samples)
        out.labels.push_back(source.labels()[static_cast<std::size_t>(i)]);
    }
    begin = end;
    if (options.progress)
      options.progress(static_cast<std::int64_t>(begin), static_cast<std::int64_t>(samples.size()));
    if (options.stop && options.stop()) break;
  }
  if (parts.empty()) {
    throw DataError(
        fmt::format("at least one image must be readable, and none of {} is: the first is '{}'",
                    samples.size(),
                    source.name(samples[0])));
  }
  out.x_NF = at::cat(parts, 0);
  return out;
}

}  // namespace sslrun::eval
