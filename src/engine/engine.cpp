#include "engine/engine.h"

#include "base/error.h"
#include "base/memory.h"
#include "engine/ranks.h"

#include <c10/util/Exception.h>
#include <c10/util/Logging.h>

#include <fmt/format.h>

#include <new>
#include <string_view>

namespace sslrun::engine {
namespace {

/// LibTorch's exceptions end here: the program knows sslrun's alone.
template <class F>
auto translated(F&& run) {
  constexpr const char* kAdvice =
      "; lower train.batch_size, raise train.accumulate, or train on a larger device";
  try {
    return run();
  } catch (const c10::OutOfMemoryError& e) {
    throw MemoryError(fmt::format("the device's memory must hold the model and a batch: {}{}",
                                  e.what_without_backtrace(),
                                  kAdvice));
  } catch (const c10::Error& e) {
    const std::string_view what = e.what_without_backtrace();
    if (what.find("can't allocate memory") == std::string_view::npos) throw;
    throw MemoryError(fmt::format("memory must hold the model and a batch: {}{}", what, kAdvice));
  } catch (const std::bad_alloc&) {
    throw MemoryError(fmt::format(
        "memory must hold the model and a batch, and the system gave no more{}", kAdvice));
  }
}

class TheEngine final : public Engine {
 public:
  int pretrain(const train::PretrainOptions& options) override {
    return translated([&] { return pretrain_on_devices(options); });
  }

  void replay(const train::ReplayOptions& options) override {
    translated([&] { train::replay(options); });
  }

  void knn(const eval::KnnOptions& options) override {
    translated([&] { eval::run_knn(options); });
  }

  void linear_probe(const eval::LinearProbeOptions& options) override {
    translated([&] { eval::run_linear_probe(options); });
  }

  void bench(const bench::BenchOptions& options) override {
    translated([&] { bench::run_bench(options); });
  }
};

}  // namespace
}  // namespace sslrun::engine

extern "C" sslrun::engine::Engine* sslrun_engine() {
  c10::initLogging();  // reads TORCH_CPP_LOG_LEVEL
  sslrun::keep_freed_memory();
  static sslrun::engine::TheEngine engine;
  return &engine;
}
