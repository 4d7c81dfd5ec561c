#include "launch/devices.h"

#include "base/env.h"
#include "base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace sslrun::launch {
namespace {

constexpr int kMaxProcesses = 1024;

[[noreturn]] void refuse(std::string_view spec) {
  throw UsageError(
      fmt::format("--devices must be auto, cpu, cpu:N (N processes), cuda or cuda:N,M (a process "
                  "per GPU), got '{}'",
                  spec));
}

/// The whole numbers of "0,2".
std::vector<int> numbers_of(std::string_view text, std::string_view spec) {
  std::vector<int> out;
  const char *at = text.data(), *const end = at + text.size();
  for (;;) {
    int n = -1;
    const auto [next, error] = std::from_chars(at, end, n);
    if (error != std::errc() || n < 0 || n > kMaxProcesses) refuse(spec);
    if (std::find(out.begin(), out.end(), n) != out.end()) refuse(spec);
    out.push_back(n);
    if (next == end) return out;
    if (*next != ',') refuse(spec);
    at = next + 1;
  }
}

std::vector<std::string> gpus_named(const std::vector<int>& numbers) {
  std::vector<std::string> out;
  for (const int n : numbers) out.push_back(fmt::format("cuda:{}", n));
  return out;
}

}  // namespace

std::vector<std::string> devices_of(std::string_view spec, int gpus) {
  if (spec == "cpu" || (spec == "auto" && gpus == 0)) return {"cpu"};
  if (spec == "auto" || spec == "cuda") {
    std::vector<int> all;
    for (int n = 0; n < std::max(gpus, 1); ++n) all.push_back(n);
    return gpus_named(all);
  }
  if (spec.starts_with("cuda:")) return gpus_named(numbers_of(spec.substr(5), spec));
  if (!spec.starts_with("cpu:")) refuse(spec);
  const auto count = numbers_of(spec.substr(4), spec);
  if (count.size() != 1 || count[0] == 0) refuse(spec);
  return std::vector<std::string>(static_cast<std::size_t>(count[0]), "cpu");
}

std::string device_of_rank(std::string_view spec, int gpus, const Environment& place) {
  const auto devices = devices_of(spec, gpus);
  const auto ranks = static_cast<std::size_t>(place.local_size);
  const bool all = spec == "auto" || spec == "cuda";
  if (devices.size() == ranks || (all && devices.size() > ranks))
    return devices[static_cast<std::size_t>(place.local_rank)];
  // One that is seen by one of several ranks was bound to it, unless Slurm says otherwise.
  std::int64_t on_node = place.local_size;
  if (const auto text =
          place.source == "srun" && gpus > 0 ? env("SLURM_GPUS_ON_NODE") : std::nullopt)
    std::from_chars(text->data(), text->data() + text->size(), on_node);
  if (devices.size() == 1 && (devices[0] == "cpu" || on_node >= place.local_size))
    return devices[0];
  throw UsageError(fmt::format(
      "{} has started {} processes on '{}', and --devices {} names {} there; start as many "
      "processes as "
      "devices (srun: --ntasks-per-node with --gpus-per-node), or give --devices cpu",
      place.source,
      ranks,
      place.host,
      spec,
      devices.size() == 1 ? std::string("one device") : fmt::format("{} devices", devices.size())));
}

}  // namespace sslrun::launch
