// The JPEG files that a case reads: the user's, or made for the case.
#pragma once
#include "bench/temp_folder.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace sslrun::bench {

/// A JPEG of smooth shapes and fine grain, quality 90 without chroma subsampling; another one for
/// each number.
std::string synthetic_jpeg(std::int64_t width, std::int64_t height, std::uint32_t number);

class JpegFolder {
 public:
  /// The folder `data`, or, where that is empty, a temporary one with `count` synthetic files.
  /// errors    DataError where `data` is no folder or has fewer than `least` JPEG files;
  ///           StorageError.
  JpegFolder(const std::string& data,
             std::int64_t least,
             std::int64_t count,
             std::int64_t width,
             std::int64_t height);

  const std::filesystem::path& path() const { return path_; }

  /// The JPEG files by name (".jpg", ".jpeg"), at any depth, sorted.
  const std::vector<std::filesystem::path>& files() const { return files_; }

  /// What the files are, in a few words.
  const std::string& note() const { return note_; }

 private:
  std::unique_ptr<TempFolder> made_;
  std::filesystem::path path_;
  std::vector<std::filesystem::path> files_;
  std::string note_;
};

}  // namespace sslrun::bench
