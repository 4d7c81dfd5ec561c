#include "dist/gradient_reducer.h"

#include "base/error.h"
#include "ops/step.h"
#include "tests/dist/ranks.h"
#include "tests/support/torch_catch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <string>

namespace {

using namespace sslrun;
using at::Tensor;
using dist::GradientReducer;

/// A layer of 8 channels on itself, a vector of which rank 0 makes no use and one that none uses.
struct Network {
  explicit Network(at::ScalarType type = at::kDouble) {
    const auto leaf = [&](at::IntArrayRef shape, double phase) {
      std::int64_t numel = 1;
      for (const std::int64_t n : shape) numel *= n;
      const Tensor wave = (at::arange(numel, at::kDouble) * 0.7 + phase).sin().view(shape);
      const Tensor laid =
          shape.size() == 4 ? wave.contiguous(at::MemoryFormat::ChannelsLast) : wave;
      return laid.to(type).requires_grad_(true);
    };
    for (int i = 0; i < 3; ++i) parameters.push_back(leaf({8, 8, 3, 3}, i));
    parameters.push_back(leaf({8}, 3));
    parameters.push_back(leaf({5}, 4));
  }

  /// Of inputs that differ between the ranks and the passes.
  Tensor loss(std::int64_t rank, double pass = 0) const {
    const auto options = parameters[0].options().requires_grad(false);
    Tensor x = ((at::arange(2 * 8 * 4 * 4, at::kDouble) + static_cast<double>(rank)) * 0.3 + pass)
                   .cos()
                   .view({2, 8, 4, 4})
                   .to(options);
    for (int i = 0; i < 3; ++i) {
      x = at::conv2d(x, parameters[std::size_t(i)], {}, 1, 1).tanh();
      if (rank != 0 && i == 1) x = x * parameters[3].view({1, 8, 1, 1});
    }
    return x.square().mean();
  }

  void drop_gradients() const {
    for (const Tensor& p : parameters) p.mutable_grad().reset();
  }

  std::vector<Tensor> gradients() const {
    std::vector<Tensor> out;
    for (const Tensor& p : parameters)
      out.push_back(p.grad().defined() ? p.grad().clone() : at::zeros_like(p).detach());
    return out;
  }

  std::vector<Tensor> parameters;
};

/// The mean over the ranks of the gradients of one or several passes.
std::vector<Tensor> expected(std::int64_t size, int passes) {
  std::vector<Tensor> sum;
  for (std::int64_t rank = 0; rank < size; ++rank) {
    const Network network;
    for (int pass = 0; pass < passes; ++pass) ops::backward(network.loss(rank, pass), 1);
    const std::vector<Tensor> own = network.gradients();
    for (std::size_t i = 0; i < own.size(); ++i)
      rank == 0 ? sum.push_back(own[i]) : static_cast<void>(sum[i].add_(own[i]));
  }
  for (Tensor& s : sum) s.div_(static_cast<double>(size));
  return sum;
}

using Gradients = std::vector<std::vector<Tensor>>;  // of each rank

Gradients reduced(std::int64_t size, int passes, const GradientReducer::Options& options) {
  Gradients out(static_cast<std::size_t>(size));
  test::run_ranks(size, [&](dist::World& world) {
    const Network network(options.type == at::kDouble ? at::kDouble : at::kFloat);
    GradientReducer reducer(network.parameters, world, options);
    for (int step = 0; step < 2; ++step) {  // the second finds what the first left behind
      network.drop_gradients();
      for (int pass = 0; pass < passes; ++pass) {
        if (pass + 1 == passes) reducer.expect();
        ops::backward(network.loss(world.rank(), pass), 1);
      }
      reducer.finish();
    }
    out[static_cast<std::size_t>(world.rank())] = network.gradients();
    for (std::size_t i = 0; i < network.parameters.size(); ++i) {
      const Tensor& p = network.parameters[i];
      check_invariant(p.grad().strides() == p.strides(), "a gradient lies as its parameter does");
    }
  });
  return out;
}

double difference(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < b.size(); ++i)
    largest = std::max(largest, (a[i] - b[i]).abs().max().item<double>());
  return largest;
}

/// One of two ranks that holds what the other does; writes down what happens.
class Diary final : public dist::World {
 public:
  std::int64_t rank() const override { return 0; }

  std::int64_t size() const override { return 2; }

  Tensor all_gather(const Tensor& rows) override { return rows; }

  Tensor all_reduce_sum(const Tensor& value) override { return value * 2; }

  std::function<void()> start_sum(const Tensor& value) override {
    value.mul_(2);
    entries.push_back("sum of " + std::to_string(value.numel()));
    return [this] { entries.emplace_back("wait"); };
  }

  void barrier() override {}

  std::vector<std::string> entries;
};

}  // namespace

TEST_CASE(
    "gradient reducer: gradients are the mean over the ranks, one rank's without counting as 0",
    "[dist]") {
  const std::int64_t size = GENERATE(2, 3), bytes = GENERATE(1, 6000, 1 << 20);
  const int passes = GENERATE(1, 3);
  const auto want = expected(size, passes);
  const Gradients got = reduced(size, passes, {.type = at::kDouble, .bucket_bytes = bytes});
  for (const auto& rank : got) CHECK(difference(rank, want) < 1e-16);  // of values of 1e-2
}

TEST_CASE("gradient reducer: every rank and every run has the same bits", "[dist]") {
  const at::ScalarType type = GENERATE(at::kFloat, at::kBFloat16);
  const Gradients one = reduced(3, 1, {.type = type, .bucket_bytes = 4000}),
                  two = reduced(3, 1, {.type = type, .bucket_bytes = 4000});
  for (const Gradients* run : {&one, &two})
    for (const auto& rank : *run) CHECK(difference(rank, one[0]) == 0);
  for (const Tensor& gradient : one[0]) CHECK(gradient.scalar_type() == at::kFloat);
}

// Measured: fp32 3.1e-7, bf16 2.8e-3; x4.
TEST_CASE("gradient reducer: fp32 and bf16 gradients are as near as their type can say", "[dist]") {
  const auto want = expected(3, 1);
  double scale = 0;
  for (const Tensor& w : want) scale = std::max(scale, w.abs().max().item<double>());
  const auto error = [&](at::ScalarType type) {
    return difference(reduced(3, 1, {.type = type}).front(), want) / scale;
  };
  CHECK(error(at::kFloat) < 1.3e-6);
  CHECK(error(at::kBFloat16) < 1.2e-2);
  CHECK(error(at::kBFloat16) > 1e-4);
}

TEST_CASE("gradient reducer: buckets set off in reverse order of the parameters, during the pass",
          "[dist]") {
  Diary diary;
  const Network network;
  // Three of the layers' parameters do not fit into one bucket, and the last two do.
  GradientReducer reducer(network.parameters, diary, {.type = at::kDouble, .bucket_bytes = 4640});
  const Tensor loss = network.loss(1);
  network.parameters[0].register_hook([&](const Tensor& gradient) {
    diary.entries.emplace_back("gradient of the first layer");
    return gradient;
  });
  reducer.expect();
  ops::backward(loss, 1);
  // The vector that nobody uses holds its bucket back to the end, and with it those behind.
  CHECK(diary.entries == std::vector<std::string>{"gradient of the first layer"});
  reducer.finish();
  CHECK(diary.entries == std::vector<std::string>{"gradient of the first layer",
                                                  "sum of 13",
                                                  "sum of 576",
                                                  "sum of 576",
                                                  "sum of 576",
                                                  "wait",
                                                  "wait",
                                                  "wait",
                                                  "wait"});
  diary.entries.clear();
  std::vector<Tensor> used(network.parameters.begin(), network.parameters.begin() + 4);
  GradientReducer of_used(used, diary, {.type = at::kDouble, .bucket_bytes = 4640});
  network.drop_gradients();
  of_used.expect();
  ops::backward(network.loss(1), 1);
  CHECK(diary.entries ==
        std::vector<std::string>{
            "sum of 8", "sum of 576", "sum of 576", "gradient of the first layer", "sum of 576"});
  of_used.finish();
}

TEST_CASE("gradient reducer: the last buckets hold half of what is left, down to 1 MiB", "[dist]") {
  const auto buckets = [](std::int64_t most) {
    Diary diary;
    std::vector<Tensor> parameters;  // of 256 KiB each
    for (int i = 0; i < 18; ++i)
      parameters.push_back(at::zeros({1 << 16}, at::kFloat).requires_grad_(true));
    GradientReducer reducer(parameters, diary, {.bucket_bytes = most});
    reducer.expect();
    reducer.finish();
    std::vector<std::string> sums(diary.entries.begin(),
                                  std::find(diary.entries.begin(), diary.entries.end(), "wait"));
    return sums;
  };
  CHECK(buckets(25 << 20) == std::vector<std::string>{"sum of 589824",   // 9 of 18
                                                      "sum of 262144",   // 4 of 9
                                                      "sum of 262144",   // 4, which are 1 MiB, of 5
                                                      "sum of 65536"});  // 1
  CHECK(buckets(7 << 18) == std::vector<std::string>{"sum of 458752",    // 7, the most
                                                     "sum of 327680",    // 5 of 11
                                                     "sum of 262144",    // 4 of 6
                                                     "sum of 131072"});  // 2
}
