#include "train/saver.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace sslrun::train {
namespace {

constexpr double kRetrySeconds = 60;
constexpr int kTries = 3;
constexpr std::chrono::seconds kBetweenTries{2};  // a server that was away for a moment

}  // namespace

std::optional<std::string> low_memory_verdict(std::int64_t state_bytes, std::int64_t free_bytes) {
  if (free_bytes == 0 || free_bytes >= 2 * state_bytes) return std::nullopt;
  constexpr double kGigabyte = 1e9;
  return fmt::format(
      "memory should hold {:.1f} GB more, for gradients and for the copy of the state that a "
      "checkpoint is written from, and {:.1f} GB are free: the system may end the run at its first "
      "checkpoint; ask for more (Slurm: --mem), or lower data.cache_gb",
      2 * static_cast<double>(state_bytes) / kGigabyte,
      static_cast<double>(free_bytes) / kGigabyte);
}

Saver::Saver(checkpoint::CheckpointStore store,
             SaveInterval interval,
             Start start,
             std::function<void()> before_write)
    : store_(std::move(store)),
      interval_(interval),
      before_write_(std::move(before_write)),
      taken_at_s_(start.now_s),
      newest_(std::move(start.newest)) {}

bool Saver::due(std::int64_t step, double now_s) {
  const bool free = !writer_.busy();
  if (free) collect(now_s);
  wanted_ = wanted_ || step % interval_.steps == 0 || now_s >= retry_at_s_ ||
            now_s - taken_at_s_ >= interval_.seconds;
  return wanted_ && free;
}

void Saver::start(std::int64_t step, const checkpoint::Snapshot& snapshot, double now_s) {
  take(step, snapshot, now_s);
  writer_.start([this] {
    const Stopwatch watch;
    before_write_();
    store_.write(files_);
    running_s_ = watch.seconds();
  });
}

void Saver::finish(std::int64_t step, const checkpoint::Snapshot& snapshot, double now_s) {
  writer_.wait();
  collect(now_s);
  if (written_ == step) return;
  take(step, snapshot, now_s);
  for (int tried = 1;; ++tried) {
    try {
      before_write_();
      store_.write(files_);
      break;
    } catch (const StorageError& e) {
      if (tried == kTries) {
        throw StorageError(
            fmt::format("the state after step {} could not be saved, and {}: {}; then give the "
                        "same command again",
                        step,
                        newest_.empty() ? "there is no checkpoint before it"
                                        : fmt::format("{} is the newest checkpoint", newest_),
                        e.what()));
      }
      std::this_thread::sleep_for(kBetweenTries);
    }
  }
  written_ = step;
  newest_ = checkpoint::name_of(step);
}

std::optional<std::string> Saver::take_trouble() {
  return std::exchange(trouble_, std::nullopt);
}

void Saver::collect(double now_s) {
  if (written_ == taken_) return;
  if (const auto failure = writer_.take_failure()) {
    if (!refused_) trouble_ = failure;
    refused_ = true;
    taken_ = written_;
    retry_at_s_ = now_s + kRetrySeconds;
    return;
  }
  if (refused_) log::info("checkpoints are written again");
  refused_ = false;
  write_s_ = std::max(write_s_, running_s_);
  written_ = taken_;
  newest_ = checkpoint::name_of(written_);
}

void Saver::take(std::int64_t step, const checkpoint::Snapshot& snapshot, double now_s) {
  checkpoint::encode(step, snapshot, files_);
  taken_ = step;
  taken_at_s_ = now_s;
  retry_at_s_ = std::numeric_limits<double>::infinity();
  wanted_ = false;
}

}  // namespace sslrun::train
