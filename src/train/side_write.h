// Writes that training can do without: what storage refuses is told once, and training goes on.
#pragma once
#include "base/error.h"
#include "train/progress.h"

#include <filesystem>
#include <string>
#include <utility>

namespace sslrun::train {

/// One kind of record. When the storage refuses a write there is one warning, with what to do; then
/// silence until a write comes through again, which is told too.
class SideWrite {
 public:
  /// what: as it is called in words, "metrics.jsonl".
  SideWrite(std::string what, Progress& progress) : what_(std::move(what)), progress_(progress) {}

  /// Calls `write`, which may throw StorageError or filesystem_error; anything else goes through.
  template <class F>
  void attempt(F&& write) {
    try {
      write();
      succeeded();
    } catch (const StorageError& e) {
      refused(e.what());
    } catch (const std::filesystem::filesystem_error& e) {
      refused(e.what());
    }
  }

 private:
  void succeeded();
  void refused(const std::string& reason);

  std::string what_;
  Progress& progress_;
  bool refused_ = false;
};

}  // namespace sslrun::train
