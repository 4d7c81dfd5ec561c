#pragma once
#include "base/append_file.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace sslrun::metrics {

/// One logged step: names in the order in which they are written. A value that is not finite is
/// written as null.
struct Record {
  std::int64_t step = 0;
  std::vector<std::pair<std::string, double>> values;
};

/// {"step":12,"loss":0.5}: shortest digits that read back to the same double.
std::string to_json_line(const Record& record);

/// metrics.jsonl of a run folder: one object per line, whole lines only.
/// Opening at step s keeps the lines up to and including step s and drops what a killed run wrote
/// after it, a torn last line among it: a resumed run leaves no duplicate and no hole. Lines of an
/// evaluation (those without a loss) count by the last step whose evaluation the resumed run
/// remembers: it makes a later one again.
class MetricsLog {
 public:
  /// Throws StorageError if the file cannot be read or written.
  MetricsLog(const std::filesystem::path& path,
             std::int64_t resume_step,
             std::int64_t evaluated_step);

  /// Appends one line and hands it to the system. Throws StorageError; a later call writes it.
  void write(const Record& record);

  /// Makes the lines durable; called before a checkpoint is published, on any thread. Throws
  /// StorageError.
  void sync() const;

 private:
  AppendFile file_;
};

}  // namespace sslrun::metrics
