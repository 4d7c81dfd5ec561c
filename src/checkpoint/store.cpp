#include "checkpoint/store.h"

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "checkpoint/manifest.h"
#include "checkpoint/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <random>
#include <vector>

namespace sslrun::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr const char* kManifestName = "MANIFEST.json";
constexpr const char* kModelName = "model.safetensors";
constexpr const char* kOptimizerName = "optimizer.safetensors";
constexpr const char* kStateName = "state.json";
constexpr std::string_view kPrefix = "step-";

struct Found {
  std::int64_t step;
  fs::path path;
};

/// Step of a folder called step-<digits>; none for another name, a temporary one included.
std::optional<std::int64_t> step_of(const std::string& name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  std::int64_t step = 0;
  const char *const begin = name.data() + kPrefix.size(), *const end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(begin, end, step);
  if (error != std::errc() || stop != end || begin == end || step < 0) return std::nullopt;
  return step;
}

/// Newest first.
std::vector<Found> list(const fs::path& folder) {
  std::vector<Found> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const auto step = step_of(entry.path().filename().string());
    if (step && entry.is_directory()) found.push_back({*step, entry.path()});
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    throw StorageError(fmt::format("cannot list '{}': {}", folder.string(), error.message()));
  }
  std::sort(
      found.begin(), found.end(), [](const Found& a, const Found& b) { return a.step > b.step; });
  return found;
}

Manifest read_manifest(const fs::path& folder) {
  const fs::path path = folder / kManifestName;
  if (!fs::is_regular_file(path))
    throw CheckpointError(fmt::format("'{}' must be there, and is not", path.string()));
  return decode_manifest(read_file(path), path.string());
}

bool verifies(const fs::path& folder) {
  try {
    const Manifest manifest = read_manifest(folder);
    for (const auto& [name, file] : manifest.files) read_verified(folder, name, manifest);
    return true;
  } catch (const Error& e) {
    log::warn("checkpoint damaged: {}", e.what());
    return false;
  }
}

void rename_folder(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error)
    throw StorageError(
        fmt::format("cannot rename '{}' to '{}': {}", from.string(), to.string(), error.message()));
}

void remove_folder(const fs::path& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  if (error)
    log::warn("cannot remove a folder that is no longer needed: path='{}' reason='{}'",
              folder.string(),
              error.message());
}

std::string nonce() {
  std::random_device device;
  return fmt::format("{:08x}", static_cast<std::uint32_t>(device()));
}

void write_checkpoint(const fs::path& folder, std::int64_t step, const Snapshot& snapshot) {
  Manifest manifest{.step = step, .files = {}};
  const auto write = [&](const char* name, const std::string& bytes) {
    manifest.files[name] = digest(bytes);
    write_file_synced(folder / name, bytes);
  };
  write(kModelName, encode_safetensors({snapshot.model, {{"format", "pt"}}}));
  write(kOptimizerName, encode_safetensors({snapshot.optimizer, {{"format", "pt"}}}));
  write(kStateName, snapshot.state);
  write_file_synced(folder / kManifestName, encode_manifest(manifest));
  fsync_path(folder);
}

}  // namespace

Loaded load_checkpoint(const fs::path& folder) {
  const Manifest manifest = read_manifest(folder);
  const auto named = step_of(folder.filename().string());
  if (named && *named != manifest.step) {
    throw CheckpointError(
        fmt::format("'{}' must hold step {}, got step {}", folder.string(), *named, manifest.step));
  }
  const auto tensors = [&](const char* name) {
    return decode_safetensors(read_verified(folder, name, manifest), (folder / name).string())
        .tensors;
  };
  return {.step = manifest.step,
          .folder = folder,
          .snapshot = {.model = tensors(kModelName),
                       .optimizer = tensors(kOptimizerName),
                       .state = read_verified(folder, kStateName, manifest)}};
}

CheckpointStore::CheckpointStore(const fs::path& run_folder, std::int64_t keep_last)
    : folder_(run_folder / "checkpoints"), keep_last_(keep_last) {
  if (keep_last < 2) {
    throw UsageError(fmt::format(
        "checkpoint.keep_last must be 2 or more, got {}: one may turn out damaged", keep_last));
  }
}

fs::path CheckpointStore::save(std::int64_t step, const Snapshot& snapshot) {
  std::error_code error;
  if (fs::create_directories(folder_, error)) fsync_path(folder_.parent_path());
  fs::path target = folder_ / fmt::format("step-{:08d}", step);
  const fs::path temporary = target.string() + ".tmp-" + nonce();
  fs::create_directory(temporary, error);
  if (error) throw_storage_error("create", temporary, error.value());
  try {
    write_checkpoint(temporary, step, snapshot);
    if (fs::exists(target)) rename_folder(target, temporary.string() + ".replaced");
    rename_folder(temporary, target);
  } catch (...) {
    remove_folder(temporary);
    throw;
  }
  fsync_path(folder_);
  write_file_atomic(folder_ / "latest", target.filename().string() + "\n");
  remove_old();
  return target;
}

void CheckpointStore::remove_old() const {
  const std::vector<Found> found = list(folder_);
  std::size_t newest_good = 0;
  while (newest_good < found.size() && !verifies(found[newest_good].path)) ++newest_good;
  // Damaged ones above it do not count as kept.
  for (std::size_t i = newest_good + static_cast<std::size_t>(keep_last_); i < found.size(); ++i)
    remove_folder(found[i].path);
  for (const auto& entry : fs::directory_iterator(folder_)) {  // what a crash left behind
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kPrefix) && name.find(".tmp-") != std::string::npos)
      remove_folder(entry.path());
  }
}

std::optional<Loaded> CheckpointStore::load_latest() const {
  const std::vector<Found> found = list(folder_);
  for (const Found& candidate : found) {
    try {
      return load_checkpoint(candidate.path);
    } catch (const Error& e) {
      log::warn("checkpoint damaged, trying the one before it: {}", e.what());
    }
  }
  if (found.empty()) return std::nullopt;
  throw CheckpointError(
      fmt::format("one of the {} checkpoints in '{}' must be whole, and none is; restore the "
                  "folder from a copy, "
                  "or train it afresh with pretrain --overwrite",
                  found.size(),
                  folder_.string()));
}

}  // namespace sslrun::checkpoint
