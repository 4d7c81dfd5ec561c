#include "train/run_folder.h"

#include "base/clock.h"
#include "base/cpu.h"
#include "base/error.h"
#include "base/file.h"
#include "base/host.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <system_error>

namespace sslrun::train {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 15> kOurs = {"recipe.yaml",
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
                                               "nonfinite.json",
                                               "starts.json"};

nlohmann::ordered_json describe_source(const data::Source& source) {
  return {{"images", source.size()},
          {"classes", source.class_names().size()},
          {"fingerprint", source.fingerprint()}};
}

constexpr std::size_t kMostStarts = 5;
constexpr std::time_t kStartsWindow = 3600;  // seconds

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
  lock_.emplace(path_ / "LOCK", FolderLock::Timing{});
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

void RunFolder::note_start(std::int64_t step) const {
  const fs::path path = path_ / "starts.json";
  const std::time_t now = std::time(nullptr);
  auto starts = nlohmann::json::array();
  if (fs::exists(path)) starts = nlohmann::json::parse(read_file(path), nullptr, false);
  if (!starts.is_array()) starts = nlohmann::json::array();
  std::erase_if(starts.get_ref<nlohmann::json::array_t&>(), [&](const nlohmann::json& start) {
    return !start.is_object() || start.value("step", std::int64_t{-1}) != step ||
           now - start.value("time", std::time_t{0}) > kStartsWindow;
  });
  if (starts.size() >= kMostStarts) {
    const auto status = nlohmann::json::parse(
        fs::exists(path_ / "status.json") ? read_file(path_ / "status.json") : "", nullptr, false);
    const std::string reason = status.is_object() ? status.value("reason", "") : "";
    throw CheckpointError(fmt::format(
        "a start must gain a step now and then, and the last {} from step {} in '{}', all within "
        "{} min, gained none that was saved; the last one {}; mend the cause, then remove '{}' and "
        "give the same command again",
        starts.size(),
        step,
        path_.string(),
        (now - starts.front().value("time", now)) / 60 + 1,
        reason.empty() ? "ended without a word" : fmt::format("ended with: {}", reason),
        path.string()));
  }
  starts.push_back({{"time", now}, {"step", step}});
  write_file_atomic(path, starts.dump() + "\n");
}

void RunFolder::note_end() const {
  std::error_code error;  // a start too many is remembered: no harm
  fs::remove(path_ / "starts.json", error);
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
