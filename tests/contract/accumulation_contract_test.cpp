// A step in micro-batches is the step of the whole batch where the loss is a mean over images. Batch norm
// couples the images of a micro-batch in any method with it: here it uses its running statistics.
#include "nn/batch_norm.h"
#include "tests/contract/setting.h"
#include "tests/contract/trace.h"
#include "tests/support/torch_catch.h"

#include <algorithm>
#include <map>
#include <string>

namespace {

using namespace sslrun;
using test::Batch;
using test::Run;
using test::Setting;
using test::Trace;

constexpr int kMicroBatches = 2;

/// The methods whose loss itself couples the images of a micro-batch, and by what.
const std::map<std::string, std::string> kCoupled = {
    {"simclr", "its negatives are those of the micro-batch"},
    {"supcon", "its positives and negatives are those of the micro-batch"},
    {"mocov3", "its negatives are those of the micro-batch"},
    {"nnclr", "its negatives are those of the micro-batch"},
    {"barlow_twins", "its correlations are those of the micro-batch"},
    {"vicreg", "its variances and covariances are those of the micro-batch"},
    {"lejepa", "SIGReg looks at the distribution of the micro-batch"},
    {"swav", "Sinkhorn shares the prototypes out over the micro-batch"},
    {"dinov2", "KoLeo's neighbours and the exact share of masked views are of the micro-batch"},
    {"ijepa", "contexts are cut to the shortest of the micro-batch"},
};

/// A step over the batch in so many parts; without `moving` it is only looked at.
double step(Run& run, const Batch& batch, int parts, bool moving) {
  run.method->before_step(run.progress);
  run.optimizer->zero_grad();
  double loss = 0;
  for (int m = 0; m < parts; ++m) {
    const methods::StepResult result = run.forward(batch.part(m, parts));
    if (moving) ops::backward(result.loss, 1.0 / parts);
    loss += ops::value(result.loss) / parts;
  }
  if (moving) run.optimizer->step(0.05, run.method->following(run.progress));
  run.method->after_step(run.progress);
  ++run.progress.step;
  return loss;
}

/// An epoch that some methods only collect in, and two steps: the second sees what the first left in
/// queues, centres and followers.
Trace trace(const Setting& setting, int parts) {
  Run run(setting);
  test::to_double(*run.method);
  run.make_optimizer();
  run.method->for_each([](nn::Module& part) {
    if (dynamic_cast<nn::BatchNorm*>(&part) != nullptr) part.train(false);
  });
  Trace out;
  for (const bool moving : {false, true}) {
    for (const Batch& batch : setting.first_epoch())
      out.losses.push_back(step(run, test::as_double(batch), parts, moving));
  }
  out.keep_gradients(*run.method);
  return out;
}

}  // namespace

TEST_CASE(
    "every method: a step in micro-batches is that of the whole batch, or the loss couples them",
    "[contract][methods]") {
  const std::vector<std::string> names = test::names();
  for (const auto& [name, why] : kCoupled) CHECK(std::count(names.begin(), names.end(), name) == 1);
  for (const std::string& name : names) {
    INFO(name);
    const Setting setting(name);
    const Trace whole = trace(setting, 1), parts = trace(setting, kMicroBatches);
    const double apart = distance(parts, whole);
    CAPTURE(apart);
    if (const auto why = kCoupled.find(name); why != kCoupled.end()) {
      INFO(why->second);
      CHECK(apart > 1e-5);
      continue;
    }
    for (std::size_t i = 0; i < whole.losses.size(); ++i)
      CHECK(parts.losses[i] == Approx(whole.losses[i]).epsilon(1e-9));
    CHECK(apart < 1e-8);
  }
}
