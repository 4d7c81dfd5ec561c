#include "train/run_folder.h"

#include "base/clock.h"
#include "base/cpu.h"
#include "base/error.h"
#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace sslrun::train {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 14> kOurs = {"recipe.yaml",
                                               "recipe.resolved.yaml",
                                               "status.json",
                                               "metrics.jsonl",
                                               "tensorboard",
                                               "log",
                                               "checkpoints",
                                               "previews",
                                               "bad_images.jsonl",
                                               "env.json",
                                               "data.manifest",
                                               "probe",
                                               "knn",
                                               "nonfinite.json"};

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

nlohmann::ordered_json describe_source(const data::Source& source) {
  return {{"images", source.size()},
          {"classes", source.class_names().size()},
          {"fingerprint", source.fingerprint()}};
}

}  // namespace

RunFolder::RunFolder(const fs::path& path) : path_(path) {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) {
    throw StorageError(fmt::format("the run folder '{}' must be one that can be created: {}",
                                   path_.string(),
                                   error.message()));
  }
  if (!fs::is_empty(path_) && !fs::exists(path_ / "LOCK")) {
    throw UsageError(fmt::format(
        "the run folder must be empty or hold a run of sslrun, and '{}' holds other files; "
        "choose another with --out",
        path_.string()));
  }
  const fs::path lock = path_ / "LOCK";
  lock_ = open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0)
    throw StorageError(
        fmt::format("'{}' must be writable: {}", lock.string(), std::strerror(errno)));
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    const std::string holder = read_file(lock);
    close(lock_);
    throw StorageError(
        fmt::format("the run folder '{}' must be free, and another process holds it ({}); wait for "
                    "it, stop it, "
                    "or choose another folder with --out",
                    path_.string(),
                    holder.substr(0, holder.find('\n'))));
  }
  const std::string me =
      fmt::format("process {} on {} since {}\n", getpid(), host_name(), utc_now());
  if (ftruncate(lock_, 0) != 0 ||
      write(lock_, me.data(), me.size()) != static_cast<ssize_t>(me.size())) {
    const std::string reason = std::strerror(errno);
    close(lock_);
    throw StorageError(
        fmt::format("'{}' must be writable: {}; free some space", lock.string(), reason));
  }
}

RunFolder::~RunFolder() {
  close(lock_);
}

void RunFolder::clear() const {
  for (const char* name : kOurs) {
    std::error_code error;
    fs::remove_all(path_ / name, error);
    if (error)
      throw StorageError(
          fmt::format("cannot remove '{}': {}", (path_ / name).string(), error.message()));
  }
}

void RunFolder::describe(const recipe::LoadedRecipe& resolved,
                         const recipe::OpenedData& data,
                         const std::string& device) const {
  write_file_atomic(path_ / "recipe.yaml", resolved.text);
  write_file_atomic(path_ / "recipe.resolved.yaml",
                    recipe::resolved_yaml(resolved, /*origins=*/false));
  nlohmann::ordered_json manifest = {{"train", describe_source(*data.train)}};
  if (data.val) manifest["val"] = describe_source(*data.val);
  write_file_atomic(path_ / "data.manifest", manifest.dump(2) + "\n");
  const nlohmann::ordered_json machine = {{"host", host_name()},
                                          {"started", utc_now()},
                                          {"device", device},
                                          {"cpu", cpu_name()},
                                          {"processors", cpu_count()},
                                          {"process", getpid()}};
  write_file_atomic(path_ / "env.json", machine.dump(2) + "\n");
}

}  // namespace sslrun::train
