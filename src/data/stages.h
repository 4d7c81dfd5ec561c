// Where the loader's time goes, and what to change when it is too slow.
#pragma once
#include <cstdint>
#include <string>

namespace sslrun::data {

/// Seconds of thread time since the loader started, all its threads together, and what came of
/// them. An image counts when its views are made; the time of one that proved bad counts too.
struct Stages {
  double read_s = 0;     // getting files' bytes
  double decode_s = 0;   // bytes to pixels
  double augment_s = 0;  // pixels to views
  double idle_s = 0;     // waiting for room: the batches are taken more slowly than they are made
  double wait_s = 0;     // the caller's: waiting for a batch
  std::int64_t images = 0;
  std::int64_t bytes = 0;  // that images were decoded from

  double busy_s() const { return read_s + decode_s + augment_s; }

  /// Share of the threads' time, 0..1.
  double idle() const { return idle_s > 0 ? idle_s / (busy_s() + idle_s) : 0; }
};

/// What happened between two moments of one loader.
Stages operator-(const Stages& now, const Stages& before);

/// What a loader was given.
struct LoaderSetting {
  std::int64_t threads = 1;
  std::int64_t processors = 1;  // of the machine
  std::string cache = "none";   // the recipe's data.cache
};

/// The stage that takes most of the threads' working time, with its share, and the recipe's keys to
/// change: "decode takes 71 % of the loader's work (augment 25 %, read 4 %; ...): raise
/// train.workers ...". Needs images > 0.
std::string bottleneck(const Stages& stages, const LoaderSetting& setting);

}  // namespace sslrun::data
