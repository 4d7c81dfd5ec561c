// The folder that a run lives in.
#pragma once
#include "recipe/load.h"

#include <filesystem>
#include <string>

namespace sslrun::train {

/// Holds the folder for this process: another one that wants it is refused as long as this object
/// lives.
class RunFolder {
 public:
  /// Creates the folder where needed and takes its LOCK.
  /// errors    UsageError where the folder holds other files than a run's; StorageError where
  ///           another process holds it or it cannot be written.
  explicit RunFolder(const std::filesystem::path& path);
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// Removes what an earlier run left: all that sslrun writes, and nothing else.
  void clear() const;

  /// Writes recipe.yaml (byte for byte), recipe.resolved.yaml, data.manifest and env.json.
  /// resolved  the recipe with every auto value decided.
  void describe(const recipe::LoadedRecipe& resolved,
                const recipe::OpenedData& data,
                const std::string& device) const;

 private:
  std::filesystem::path path_;
  int lock_ = -1;
};

}  // namespace sslrun::train
