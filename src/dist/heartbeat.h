// Where the ranks are, so that one that does not answer can be named.
#pragma once
#include "dist/place.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace c10d {
class Store;
}

namespace sslrun::dist {

/// A thread that leaves signs of life of this rank in the store: its machine, its step, what it does
/// there, and how many collectives it has entered. All ranks enter the same ones in the same order, so
/// the one that has entered the fewest is the one that the others wait for.
class Heartbeat {
 public:
  struct Options {
    std::string host = {};                     // this machine's name, for words
    bool store_of_first = true;                // the store ends with rank 0
    std::chrono::milliseconds interval{1000};  // from one sign to the next
    /// Called once, from the thread, where this rank has not moved for `patience` and the reason is
    /// another rank: for collectives that do not return.
    std::function<void(const std::string& words)> stalled = {};
    std::chrono::milliseconds patience{0};
  };

  /// store: of all ranks; a connection of its own is made to it. The first sign is left here.
  Heartbeat(c10d::Store& store, Place place, Options options);
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  /// From now on this rank is at `step` and does what `phase`, a literal, says.
  void report(std::int64_t step, const char* phase);

  /// This rank enters its next collective.
  void enter();

  /// To be asked when a collective was not completed: which ranks give no sign of life, else which are
  /// behind this one, with machine, step and phase. Takes four intervals, and three seconds more where
  /// the store does not answer, which then is what is said.
  std::string missing();

 private:
  class Beats;
  std::shared_ptr<Beats> beats_;  // the thread's too: it may be left behind in a store that is gone
};

}  // namespace sslrun::dist
