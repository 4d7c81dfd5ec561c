// What the program asks of the half that uses LibTorch. The program opens libsslrun_engine.so when a command needs it and
// calls it through this interface alone, so help and recipe checks never load LibTorch.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sslrun::engine {

struct PretrainOptions {
  std::string recipe;
  std::vector<std::string> overrides;  // "a.b=c", in order
  std::string out;                     // empty: runs/<name of the recipe>
  std::string devices = "auto";        // auto, cpu, cuda, cuda:0
  bool overwrite = false;              // start afresh in a folder that holds another run
  bool dry_run = false;                // check everything, compute one step, write nothing
};

struct KnnOptions {
  std::string run;            // run folder
  std::string data;           // empty: the recipe's data.train and data.val
  std::string format = "auto";
  std::string devices = "auto";
  bool json = false;
};

struct LinearProbeOptions {
  std::string run;
  std::string data;
  std::string format = "auto";
  std::string devices = "auto";
  std::int64_t epochs = 100;
  bool json = false;
};

struct BenchOptions {
  std::vector<std::string> cases;
  std::optional<std::int64_t> threads;  // nothing: one per processor
  std::int64_t reps = 5;
  std::string data;                     // folder of images; empty: each case's own
  bool json = false;
};

/// Each command prints its result to stdout and its progress to stderr, and throws sslrun::Error.
class Engine {
 public:
  virtual ~Engine() = default;

  /// Returns the exit status: 0 done, 130 and 143 stopped by a signal and saved, 75 saved under a batch system.
  virtual int pretrain(const PretrainOptions& options) = 0;
  virtual void knn(const KnnOptions& options) = 0;
  virtual void linear_probe(const LinearProbeOptions& options) = 0;
  virtual void bench(const BenchOptions& options) = 0;
};

/// The one function that the program looks up: libsslrun_engine.so exports it as "sslrun_engine".
using EngineEntry = Engine* (*)();

}  // namespace sslrun::engine
