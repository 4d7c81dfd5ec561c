// What the program asks of the half that uses LibTorch. The program opens libsslrun_engine.so when
// a command needs it and calls it through this interface alone, so help and recipe checks never
// load LibTorch.
#pragma once
#include "bench/bench.h"
#include "eval/evaluate.h"
#include "train/pretrain.h"
#include "train/replay.h"

namespace sslrun::engine {

/// Each command prints its result to stdout and its progress to stderr, and throws sslrun::Error.
class Engine {
 public:
  virtual ~Engine() = default;

  /// Returns the exit status of train::pretrain.
  virtual int pretrain(const train::PretrainOptions& options) = 0;
  virtual void replay(const train::ReplayOptions& options) = 0;
  virtual void knn(const eval::KnnOptions& options) = 0;
  virtual void linear_probe(const eval::LinearProbeOptions& options) = 0;
  virtual void bench(const bench::BenchOptions& options) = 0;
};

/// The one function that the program looks up in the library, under this name.
using EngineEntry = Engine* (*)();
inline constexpr const char* kEngineEntry = "sslrun_engine";

}  // namespace sslrun::engine
