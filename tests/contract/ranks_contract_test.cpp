// Ranks compute what one process does: the same loss and the same gradient at the same batch, with
// batch norm over all of them.
#include "methods/simclr_config.h"
#include "nn/batch_norm.h"
#include "tests/contract/setting.h"
#include "tests/contract/trace.h"
#include "tests/dist/ranks.h"
#include "tests/support/torch_catch.h"

#include <ATen/ops/scalar_tensor.h>

#include <string>

namespace {

using namespace sslrun;
using test::Batch;
using test::Run;
using test::Setting;
using test::Trace;

constexpr int kSteps = 2;  // the second sees what the first left: queues, centres, followers

Trace trace(const Setting& setting, dist::World& world) {
  Run run(setting, 1, world);
  test::to_double(*run.method);
  run.make_optimizer();
  run.method->for_each([&](nn::Module& part) {
    if (auto* norm = dynamic_cast<nn::BatchNorm*>(&part)) norm->synchronize(&world);
  });
  std::vector<Batch> batches = setting.first_epoch();
  for (Batch& batch : batches) batch = test::as_double(batch.part(world.rank(), world.size()));
  run.watch(batches);
  Trace out;
  for (int i = 0; i < kSteps; ++i) {
    const double loss = run.step(batches[std::size_t(i)]);
    out.losses.push_back(world.all_reduce_sum(at::scalar_tensor(loss, at::kDouble)).item<double>() /
                         static_cast<double>(world.size()));
  }
  out.keep_gradients(*run.method);
  return out;
}

void check_ranks(const Setting& setting, std::int64_t size) {
  const Trace expected = trace(setting, *dist::single_world());
  std::vector<Trace> got(static_cast<std::size_t>(size));
  test::run_ranks(size, [&](dist::World& world) {
    got[static_cast<std::size_t>(world.rank())] = trace(setting, world);
  });
  for (const Trace& rank : got) {
    for (int i = 0; i < kSteps; ++i)
      CHECK(rank.losses[std::size_t(i)] == Approx(expected.losses[std::size_t(i)]).epsilon(1e-9));
    CHECK(distance(rank, expected) < 1e-8);
  }
}

}  // namespace

TEST_CASE("every method: ranks together have the loss and the gradient of one process",
          "[contract][methods][dist]") {
  const std::int64_t size = GENERATE(2, 4);
  for (const std::string& name : test::names()) {
    INFO(name);
    check_ranks(Setting(name), size);
  }
}

TEST_CASE("simclr: with decoupled losses too", "[contract][methods][dist]") {
  const std::string loss = GENERATE("dcl", "dclw");
  INFO(loss);
  const Setting setting("simclr");
  dynamic_cast<methods::SimClrConfig&>(*setting.loaded.recipe.method.config).loss = loss;
  check_ranks(setting, 2);
}
