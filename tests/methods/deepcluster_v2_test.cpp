// DeepCluster-v2 written out in float64: whose embeddings are clustered when, and which label an image
// has.
#include "ops/spherical_kmeans.h"
#include "tests/methods/distillation.h"
#include "tests/support/torch_catch.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

namespace {

using namespace sslrun;
using namespace sslrun::test;

// Four times the worst relative difference of float32 from float64 measured below: 1.5e-7.
constexpr double kTolerance = 6e-7;
const std::vector<std::int64_t> kSides = {4, 4, 2, 2};

const char* const kKeys =
    "{name: deepcluster_v2, temperature: 0.2, prototypes: 3, heads: 3, kmeans_iterations: 4, "
    "projector: {hidden_dim: 8, output_dim: 4}}";

Tensor embed(const Setting& s, const State& state) {
  std::vector<Tensor> all;
  for (std::size_t v = 0; v < s.views.size(); ++v) all.push_back(features(state, "encoder", s, v));
  return unit(head(state, "projector", at::cat(all)));
}

double objective(const Tensor& x, const ops::Clusters& found) {
  return (x * found.centroids_KD.index_select(0, found.labels_N)).sum().item<double>();
}

}  // namespace

TEST_CASE(
    "deepcluster_v2: the first epoch fills the banks by the images' numbers and moves nothing",
    "[methods]") {
  Setting s(kKeys, kSides);
  std::reverse(s.samples.begin(), s.samples.end());
  s.progress.steps_per_epoch = 2;
  const State start = s.state();
  const auto optimizer = s.optimizer();
  s.method->before_step(s.progress);
  const methods::StepResult result = s.forward();
  CHECK(ops::value(result.loss) == 0);
  ops::backward(result.loss, 1.0);
  optimizer->step(1.0);
  s.method->after_step(s.progress);
  const State after = s.state();
  CHECK(after.at("encoder.weight").equal(start.at("encoder.weight")));
  CHECK(after.at("projector.0.weight").equal(start.at("projector.0.weight")));
  const Tensor z = embed(s, start);
  for (std::int64_t bank = 0; bank < 2; ++bank) {
    const Tensor own = z.narrow(0, bank * kImages, kImages).flip(0);  // image 5 came first
    const Tensor kept = after.at("banks")[bank];
    CHECK((kept.narrow(0, 0, kImages) - own).abs().max().item<double>() < 1e-6);
    CHECK(kept.narrow(0, kImages, kImages).count_nonzero().item<std::int64_t>() == 0);
  }
  for (const auto& [name, tensor] : s.method->named_parameters()) CHECK(name != "prototypes");
}

TEST_CASE(
    "deepcluster_v2: every view predicts the cluster of its image, head h by the bank of view h "
    "mod "
    "2; images without a label do not count",
    "[methods]") {
  Setting s(kKeys, kSides);
  s.step(0);  // an epoch of one step: images 0 .. 5
  s.progress.step = 1;
  s.method->before_step(s.progress);
  const State state = s.state();
  const Tensor labels = state.at("labels").to(at::kLong), prototypes = state.at("prototypes");
  CHECK(labels.narrow(1, kImages, kImages).eq(-100).all().item<bool>());
  for (std::int64_t h = 0; h < 3; ++h) {
    const Tensor bank = state.at("banks")[h % 2].narrow(0, 0, kImages);
    const Tensor scores = bank.matmul(prototypes[h].t());
    CHECK(labels[h].narrow(0, 0, kImages).equal(scores.argmax(1)));
    CHECK((prototypes[h].norm(2, {1}) - 1).abs().max().item<double>() < 1e-6);
    // A fixed point or nearly: no centroid is far from the mean of its images.
    const ops::Clusters again = ops::spherical_kmeans(bank, prototypes[h], 20);
    CHECK(objective(bank, again) < 1.05 * objective(bank, {prototypes[h], scores.argmax(1)}));
  }

  s.samples = {3, 7, 0, 11, 5, 2};  // 7 and 11 were in no batch yet
  const Tensor z = embed(s, state);
  Tensor expected = at::zeros({}, at::kDouble);
  for (std::int64_t h = 0; h < 3; ++h) {
    const Tensor logits = z.matmul(prototypes[h].t()) / 0.2;
    double sum = 0, count = 0;
    for (std::int64_t row = 0; row < logits.size(0); ++row) {
      const std::int64_t label =
          labels[h][s.samples[static_cast<std::size_t>(row % kImages)]].item<std::int64_t>();
      if (label < 0) continue;
      sum -= logits[row].log_softmax(0)[label].item<double>();
      ++count;
    }
    expected = expected + sum / count / 3;
  }
  CHECK(std::abs(s.loss() / expected.item<double>() - 1) < kTolerance);
}

TEST_CASE(
    "spherical_kmeans: the sum of cosines never falls, and an empty cluster keeps its centroid",
    "[ops]") {
  const Tensor x = unit(wave(40, 6, 0.3) + 1);
  const Tensor start = at::cat({x.slice(0, 0, 4), -unit(x.mean(0, true))});
  double last = -1e9;
  for (std::int64_t iterations : {1, 2, 3, 5, 10, 30}) {
    const ops::Clusters found = ops::spherical_kmeans(x, start, iterations);
    const double now = objective(x, found);
    CHECK(now >= last - 1e-12);
    last = now;
    CHECK(found.labels_N.equal(x.matmul(found.centroids_KD.t()).argmax(1)));
  }
  const ops::Clusters once = ops::spherical_kmeans(x, start, 1);
  const Tensor first = x.matmul(start.t()).argmax(1);
  for (std::int64_t k = 0; k < start.size(0); ++k) {
    const Tensor rows = x.index_select(0, first.eq(k).nonzero().squeeze(1));
    const Tensor expected = rows.size(0) == 0 ? start[k] : unit(rows.mean(0, true))[0];
    CHECK((once.centroids_KD[k] - expected).abs().max().item<double>() < 1e-14);
  }
  CHECK(first.eq(4).any().item<bool>() == false);  // so that one was empty
}
