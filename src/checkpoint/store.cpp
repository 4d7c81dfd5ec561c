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
#include <utility>
#include <vector>

namespace sslrun::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr const char* kManifestName = "MANIFEST.json";
constexpr const char* kModelName = "model.safetensors";
constexpr const char* kOptimizerName = "optimizer.safetensors";
constexpr const char* kStateName = "state.json";
constexpr std::string_view kPrefix = "step-";
constexpr std::string_view kReplaced = ".replaced";  // step-00001000.replaced

struct Found {
  std::int64_t step;
  fs::path path;
};

/// Step of a folder called step-<digits>, or so before it was replaced; none for another name, a
/// temporary one included.
std::optional<std::int64_t> step_of(std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  if (name.ends_with(kReplaced)) name.remove_suffix(kReplaced.size());
  std::int64_t step = 0;
  const char *const begin = name.data() + kPrefix.size(), *const end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(begin, end, step);
  if (error != std::errc() || stop != end || begin == end || step < 0) return std::nullopt;
  return step;
}

/// Newest first; of one step, the one that replaces before the one that is replaced.
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
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
    return a.step != b.step ? a.step > b.step : a.path < b.path;
  });
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
  if (error) throw_storage_error("rename", from, error.value());
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

void write_files(const fs::path& folder, const Files& files) {
  Manifest manifest{.step = files.step, .files = {}};
  const auto write = [&](const char* name, const std::string& bytes) {
    manifest.files[name] = digest(bytes);
    write_file_synced(folder / name, bytes);
  };
  write(kModelName, files.model);
  write(kOptimizerName, files.optimizer);
  write(kStateName, files.state);
  write_file_synced(folder / kManifestName, encode_manifest(manifest));
  fsync_path(folder);
}

}  // namespace

void encode(std::int64_t step, const Snapshot& snapshot, Files& out) {
  out.step = step;
  encode_safetensors({snapshot.model, {{"format", "pt"}}}, out.model);
  encode_safetensors({snapshot.optimizer, {{"format", "pt"}}}, out.optimizer);
  out.state = snapshot.state;
}

std::string name_of(std::int64_t step) {
  return fmt::format("step-{:08d}", step);
}

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

CheckpointStore::CheckpointStore(const fs::path& run_folder,
                                 std::int64_t keep_last,
                                 std::function<void()> may_publish)
    : folder_(run_folder / "checkpoints"),
      keep_last_(keep_last),
      may_publish_(std::move(may_publish)) {
  if (keep_last < 2) {
    throw UsageError(fmt::format(
        "checkpoint.keep_last must be 2 or more, got {}: one may turn out damaged", keep_last));
  }
}

fs::path CheckpointStore::save(std::int64_t step, const Snapshot& snapshot) const {
  Files files;
  encode(step, snapshot, files);
  return write(files);
}

fs::path CheckpointStore::write(const Files& files) const {
  std::error_code error;
  if (fs::create_directories(folder_, error)) fsync_path(folder_.parent_path());
  if (error) throw_storage_error("create", folder_, error.value());
  fs::path target = folder_ / name_of(files.step);
  const fs::path temporary = target.string() + ".tmp-" + nonce();
  const fs::path replaced = target.string() + std::string(kReplaced);
  fs::create_directory(temporary, error);
  if (error) throw_storage_error("create", temporary, error.value());
  try {
    write_files(temporary, files);
    if (fs::exists(target)) {  // a crash between the two: load_latest finds it by its other name
      require_right();
      remove_folder(replaced);
      rename_folder(target, replaced);
    }
    require_right();
    rename_folder(temporary, target);
  } catch (...) {
    if (!fs::exists(target)) fs::rename(replaced, target, error);
    remove_folder(temporary);
    throw;
  }
  fsync_path(folder_);
  require_right();
  write_file_atomic(folder_ / "latest", target.filename().string() + "\n");
  require_right();
  remove_old();
  return target;
}

void CheckpointStore::require_right() const {
  if (may_publish_) may_publish_();
}

void CheckpointStore::remove_old() const {
  std::vector<Found> found = list(folder_);
  std::erase_if(found,
                [](const Found& f) {  // a replaced one goes when the one in its place is good
                  const std::string name = f.path.filename().string();
                  if (!name.ends_with(kReplaced)) return false;
                  const fs::path in_its_place =
                      f.path.parent_path() / name.substr(0, name.size() - kReplaced.size());
                  if (!fs::exists(in_its_place) || !verifies(in_its_place)) return false;
                  remove_folder(f.path);
                  return true;
                });
  std::size_t newest_good = 0;
  while (newest_good < found.size() && !verifies(found[newest_good].path)) ++newest_good;
  // Damaged ones above it do not count as kept.
  for (std::size_t i = newest_good + static_cast<std::size_t>(keep_last_); i < found.size(); ++i)
    remove_folder(found[i].path);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {  // what a crash left behind
    if (entry.path().filename().string().find(".tmp-") != std::string::npos)
      remove_folder(entry.path());
  }
}

std::optional<Loaded> CheckpointStore::load_latest(std::int64_t last_step) const {
  std::vector<Found> found = list(folder_);
  std::erase_if(found, [last_step](const Found& f) { return f.step > last_step; });
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
