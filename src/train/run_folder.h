// The folder that a run lives in.
#pragma once
#include "base/folder_lock.h"
#include "recipe/load.h"

#include <cstdint>
#include <filesystem>
#include <optional>
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

  const std::filesystem::path& path() const { return path_; }

  const FolderLock& lock() const { return *lock_; }

  /// Before training from `step`: the brake of a job that is started again and again and dies before
  /// it has saved anything.
  /// errors    CheckpointError where five starts within an hour have not gained a saved step.
  void note_start(std::int64_t step) const;
  /// The sitting ended as it should: it was no crash.
  void note_end() const;

  /// Removes what an earlier run left: all that sslrun writes, and nothing else.
  void clear() const;

  /// Writes recipe.yaml (byte for byte), recipe.resolved.yaml, data.manifest and env.json.
  /// resolved  the recipe with every auto value decided.
  void describe(const recipe::LoadedRecipe& resolved,
                const recipe::OpenedData& data,
                const std::string& device) const;

 private:
  std::filesystem::path path_;
  std::optional<FolderLock> lock_;  // taken once the folder is known to be a run's
};

}  // namespace sslrun::train
