#include "data/stages.h"

#include "base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace sslrun::data {

Stages operator-(const Stages& now, const Stages& before) {
  return {.read_s = now.read_s - before.read_s,
          .decode_s = now.decode_s - before.decode_s,
          .augment_s = now.augment_s - before.augment_s,
          .idle_s = now.idle_s - before.idle_s,
          .wait_s = now.wait_s - before.wait_s,
          .images = now.images - before.images,
          .bytes = now.bytes - before.bytes};
}

namespace {

struct Stage {
  std::string_view name;
  double seconds;
};

// What makes a stage faster, other than more threads.
std::string remedy(std::string_view stage, const LoaderSetting& setting) {
  const bool keeps_files = setting.cache == "packed", keeps_pixels = setting.cache == "ram";
  if (stage == "augment") return "make fewer or smaller views, or drop an operation";
  if (stage == "read") {
    return keeps_files || keeps_pixels
               ? "give data.cache_gb more memory, or put the data on a faster disk"
               : "keep the files in memory (data.cache: packed), or put the data on a faster disk";
  }
  const std::string smaller = "pack smaller images (sslrun data pack --resize 256)";
  return smaller + (keeps_pixels ? ", or give data.cache_gb more memory, or data.cache_side fewer "
                                   "pixels"
                                 : ", or keep decoded images in memory (data.cache: ram)");
}

}  // namespace

std::string bottleneck(const Stages& stages, const LoaderSetting& setting) {
  check_invariant(stages.images > 0 && stages.busy_s() > 0, "a loader that is judged has worked");
  std::array<Stage, 3> order{Stage{"read", stages.read_s},
                             Stage{"decode", stages.decode_s},
                             Stage{"augment", stages.augment_s}};
  std::stable_sort(order.begin(), order.end(), [](const Stage& a, const Stage& b) {
    return a.seconds > b.seconds;
  });
  const auto percent = [&](const Stage& stage) { return 100 * stage.seconds / stages.busy_s(); };
  const auto per_image = [&](double total) { return total / static_cast<double>(stages.images); };
  // Threads that wait for a disk leave their processors free; the others need one each.
  const bool more_threads = setting.threads < setting.processors || order[0].name == "read";
  return fmt::format(
      "{} takes {:.0f} % of the loader's work ({} {:.0f} %, {} {:.0f} %; {:.2f} ms of a thread and "
      "{:.0f} KB per image): {}{}",
      order[0].name,
      percent(order[0]),
      order[1].name,
      percent(order[1]),
      order[2].name,
      percent(order[2]),
      per_image(1e3 * stages.busy_s()),
      per_image(1e-3 * static_cast<double>(stages.bytes)),
      more_threads ? fmt::format("raise train.workers (now {}, with {} processors), ",
                                 setting.threads,
                                 setting.processors)
                   : "",
      remedy(order[0].name, setting));
}

}  // namespace sslrun::data
