// The commands `sslrun knn` and `sslrun linear-probe`: how good are the features of a run.
#pragma once
#include <cstdint>
#include <string>

namespace sslrun::eval {

struct KnnOptions {
  std::string run;  // run folder
  std::string data;  // labelled images in two parts (train, val); empty: those of the recipe
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

/// Weighted k-NN accuracy over a table of k and temperature. Prints it to stdout, and writes
/// RUN/knn/<data>.json.
/// errors    UsageError where `run` is no run folder; CheckpointError where it holds no whole
///           checkpoint; DataError where the images have no labels.
void run_knn(const KnnOptions& options);

/// A linear classifier on frozen features. Prints its accuracy to stdout, and writes
/// RUN/probe/<data>.json. errors: as run_knn.
void run_linear_probe(const LinearProbeOptions& options);

}  // namespace sslrun::eval
