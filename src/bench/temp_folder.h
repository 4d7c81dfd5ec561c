#pragma once
#include <filesystem>

namespace sslrun::bench {

/// A folder below the system's temporary one that is gone with the object.
/// errors    StorageError.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace sslrun::bench
