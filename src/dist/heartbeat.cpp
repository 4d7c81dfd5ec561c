#include "dist/heartbeat.h"

#include <torch/csrc/distributed/c10d/Store.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <span>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

namespace sslrun::dist {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kSilentIntervals = 3;
constexpr std::chrono::seconds kStorePatience{3};

/// What a rank says of itself.
struct Beat {
  std::int64_t count = 0;  // of its signs
  std::int64_t collectives = 0;
  std::int64_t step = 0;
  std::int64_t seconds = 0;  // in this phase
  bool asking = false;       // it has lost a rank itself
  std::string host, phase;

  std::string text() const {
    return fmt::format(
        "{} {} {} {} {:d} {}\n{}", count, collectives, step, seconds, asking, host, phase);
  }

  std::string words(std::size_t rank) const {
    return fmt::format("rank {} on '{}' (step {}, {} for {} s)", rank, host, step, phase, seconds);
  }
};

Beat parse(const std::string& text) {
  Beat out;
  std::istringstream in(text);
  in >> out.count >> out.collectives >> out.step >> out.seconds >> out.asking >> out.host;
  in.get();
  std::getline(in, out.phase);
  return out;
}

std::string list(const std::vector<std::string>& ranks) {
  constexpr std::size_t kTold = 8;
  const auto told = std::span(ranks).first(std::min(ranks.size(), kTold));
  return fmt::format("{}{}",
                     fmt::join(told, ", "),
                     ranks.size() > kTold ? fmt::format(" and {} more", ranks.size() - kTold) : "");
}

}  // namespace

class Heartbeat::Beats {
 public:
  Beats(c10::intrusive_ptr<c10d::Store> store, Place place, Options options)
      : store_(std::move(store)), place_(place), options_(std::move(options)) {
    for (std::int64_t rank = 0; rank < place.size; ++rank)
      keys_.push_back(fmt::format("beat/{}", rank));
    store_->set(keys_[own()], sign());
  }

  void report(std::int64_t step, const char* phase) {
    const std::lock_guard lock(mutex_);
    step_ = step;
    phase_ = phase;
    moved_ = Clock::now();
  }

  void enter() {
    const std::lock_guard lock(mutex_);
    ++collectives_;
    moved_ = Clock::now();
  }

  std::string missing() {
    std::unique_lock lock(mutex_);
    asking_ = true;
    wake_.notify_all();
    wake_.wait_for(lock, (kSilentIntervals + 1) * options_.interval + kStorePatience, [&] {
      return answer_.has_value() || ended_;
    });
    return answer_.value_or(words_without_store());
  }

  /// Waits for the thread to end, but not for a store that does not answer.
  void end() {
    std::unique_lock lock(mutex_);
    ending_ = true;
    wake_.notify_all();
    wake_.wait_for(lock, kStorePatience, [&] { return ended_; });
  }

  void run() {
    try {
      beat();
    } catch (const std::exception&) {  // the store is gone, and what it was part of
    }
    const std::lock_guard lock(mutex_);
    ended_ = true;
    wake_.notify_all();
  }

 private:
  std::size_t own() const { return static_cast<std::size_t>(place_.rank); }

  void beat() {
    std::vector<Beat> before;  // when looking began
    int intervals = 0;         // since then
    while (leave_sign()) {
      if (!looking()) continue;
      if (before.empty()) {
        before = read_all();
        intervals = 0;
      } else if (++intervals == kSilentIntervals) {
        settle(judge(before, read_all()));
        before.clear();
      }
    }
  }

  /// Returns when the next one is due, or this rank has begun to ask; false: it ends.
  bool leave_sign() {
    store_->set(keys_[own()], sign());
    const Beat first = parse(store_->get_to_str(keys_[0]));
    std::unique_lock lock(mutex_);
    first_ = first;
    const bool asked = asking_;
    wake_.wait_for(lock, options_.interval, [&] { return ending_ || asking_ != asked; });
    return !ending_;
  }

  std::string sign() {
    const std::lock_guard lock(mutex_);
    return Beat{
        .count = ++count_,
        .collectives = collectives_,
        .step = step_,
        .seconds = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - moved_).count(),
        .asking = asking_,
        .host = options_.host,
        .phase = phase_}
        .text();
  }

  bool looking() const {
    const std::lock_guard lock(mutex_);
    return asking_ ? !answer_.has_value()
                   : options_.stalled && !told_ && Clock::now() - moved_ > options_.patience;
  }

  std::vector<Beat> read_all() const {
    std::vector<Beat> out;
    for (const std::vector<std::uint8_t>& text : store_->multiGet(keys_))
      out.push_back(parse({text.begin(), text.end()}));
    return out;
  }

  /// Words on the ranks that give no sign of life, else on those that are furthest behind this one;
  /// empty: there are none.
  std::string judge(const std::vector<Beat>& before, const std::vector<Beat>& now) const {
    const std::int64_t least =
        std::min_element(now.begin(), now.end(), [](const Beat& a, const Beat& b) {
          return a.collectives < b.collectives;
        })->collectives;
    std::vector<std::string> silent, behind;
    for (std::size_t rank = 0; rank < now.size(); ++rank) {
      const Beat& beat = now[rank];
      if (beat.count == before[rank].count && !beat.asking) silent.push_back(beat.words(rank));
      if (beat.collectives == least && least < now[own()].collectives)
        behind.push_back(beat.words(rank));
    }
    if (!silent.empty()) return "no sign of life from " + list(silent);
    return behind.empty() ? "" : "all wait for " + list(behind);
  }

  void settle(const std::string& words) {
    std::unique_lock lock(mutex_);
    if (asking_) {
      answer_ =
          words.empty() ? "all give signs of life and none is behind: look at the network" : words;
      wake_.notify_all();
    } else if (!words.empty()) {
      told_ = true;
      lock.unlock();
      options_.stalled(words);
    }
  }

  /// With the lock held.
  std::string words_without_store() const {
    if (!options_.store_of_first) return "the store through which they met does not answer";
    return "no sign of life from " +
           (first_.count > 0 ? first_.words(0) : std::string("rank 0, which keeps their store"));
  }

  const c10::intrusive_ptr<c10d::Store> store_;
  const Place place_;
  const Options options_;
  std::vector<std::string> keys_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::int64_t count_ = 0, collectives_ = 0, step_ = 0;
  const char* phase_ = "starting";
  Clock::time_point moved_ = Clock::now();
  bool asking_ = false, told_ = false, ending_ = false, ended_ = false;
  Beat first_;  // rank 0's last sign that was seen
  std::optional<std::string> answer_;
};

Heartbeat::Heartbeat(c10d::Store& store, Place place, Options options)
    : beats_(std::make_shared<Beats>(store.clone(), place, std::move(options))) {
  std::thread([beats = beats_] { beats->run(); }).detach();
}

Heartbeat::~Heartbeat() {
  beats_->end();
}

void Heartbeat::report(std::int64_t step, const char* phase) {
  beats_->report(step, phase);
}

void Heartbeat::enter() {
  beats_->enter();
}

std::string Heartbeat::missing() {
  return beats_->missing();
}

}  // namespace sslrun::dist
