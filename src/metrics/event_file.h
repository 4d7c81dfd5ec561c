#pragma once
#include "base/append_file.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace sslrun::metrics {

/// CRC-32C (Castagnoli), as TFRecord wants it.
/// source    RFC 3720 appendix B.4: crc32c of 32 zero bytes is 8a9136aa.
std::uint32_t crc32c(std::string_view bytes);

/// TensorBoard event file: TFRecords of Event messages, encoded by hand (LibTorch exports its own
/// protobuf, so linking a second one into the process is not safe). A restart opens a new file;
/// TensorBoard merges the files of a folder.
/// source    tensorflow/core/util/event.proto, framework/summary.proto: Event{1 wall_time, 2 step,
///           3 file_version, 5 summary}, Summary{1 value}, Value{1 tag, 2 simple_value, 4 image},
///           Image{1 height, 2 width, 3 colorspace, 4 encoded}.
class EventFile {
 public:
  /// Creates folder/events.out.tfevents.<seconds>.sslrun.<process>. Throws StorageError.
  explicit EventFile(const std::filesystem::path& folder);

  /// Both throw StorageError; a later call writes what was refused.
  void scalar(std::int64_t step, std::string_view tag, float value);
  /// `png` holds an encoded RGB image of width x height pixels.
  void image(std::int64_t step,
             std::string_view tag,
             std::int64_t width,
             std::int64_t height,
             std::string_view png);

  const std::filesystem::path& path() const { return file_.path(); }

 private:
  void record(const std::string& event);

  AppendFile file_;
};

}  // namespace sslrun::metrics
