#include "data/loader.h"

#include "base/error.h"
#include "base/philox.h"
#include "image/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <thread>
#include <utility>

namespace sslrun::data {

namespace {

constexpr int kMaxReplacements = 64;
constexpr std::int64_t kMaxChunk =
    8;  // slots per turn: fewer locks, and still an even share at the batch's end

// One batch of the ring with what its making brought up.
struct Entry {
  Batch batch;
  std::int64_t num_done = 0;
  std::vector<std::vector<std::int64_t>> bad_by_slot;  // images that slot could not use
  std::int64_t error_slot = -1;                        // lowest slot that threw
  std::exception_ptr error;
};

// The slots [begin, end) of one step.
struct Chunk {
  std::int64_t step = 0;
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

using Clock = std::chrono::steady_clock;

// Written by one thread, read by any: plain stores, on cache lines of its own.
class alignas(64) Counters {
 public:
  using Field = std::atomic<std::int64_t> Counters::*;

  void add(Field field, std::int64_t value) {
    auto& total = this->*field;
    total.store(total.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
  }

  void add_to(Stages& sum) const {
    const auto value = [](const auto& total) { return total.load(std::memory_order_relaxed); };
    const auto seconds = [&](const auto& ns) { return 1e-9 * static_cast<double>(value(ns)); };
    sum.read_s += seconds(read_ns);
    sum.decode_s += seconds(decode_ns);
    sum.augment_s += seconds(augment_ns);
    sum.idle_s += seconds(idle_ns);
    sum.images += value(images);
    sum.bytes += value(bytes);
  }

  std::atomic<std::int64_t> read_ns = 0, decode_ns = 0, augment_ns = 0, idle_ns = 0;
  std::atomic<std::int64_t> images = 0, bytes = 0;
};

// Adds the time from its making to its end to a counter, also where what lies between throws.
class Timed {
 public:
  Timed(Counters& counters, Counters::Field field) : counters_(counters), field_(field) {}

  ~Timed() { counters_.add(field_, std::chrono::nanoseconds(Clock::now() - begin_).count()); }

  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  Counters& counters_;
  Counters::Field field_;
  Clock::time_point begin_ = Clock::now();
};

// What a thread reads into, image after image, and what it counts.
struct Scratch {
  std::vector<std::byte> bytes;
  image::Image image;
  Counters counters;
};

}  // namespace

// Threads take chunks in the order of steps; a step's entry is free once the consumer has moved
// past it.
struct Loader::State {
  State(const Source& the_source,
        const Sampler& the_sampler,
        SampleWork& the_work,
        const LoaderOptions& the_options)
      : source(the_source), sampler(the_sampler), work(the_work), options(the_options) {
    check_invariant(options.threads >= 1 && options.prefetch >= 2,
                    "a loader has 1 thread and 2 batches at least");
    check_invariant(options.rank >= 0 && options.rank < options.ranks &&
                        sampler.batch() % (options.ranks * options.micro_batches) == 0,
                    "ranks share out each micro-batch evenly");
    check_invariant(options.start_step >= 0, "steps count from 0");
    check_invariant(sampler.num_samples() == source.size(),
                    "the sampler counts the source's images");
    next_step = delivered = options.start_step;
    bad_samples = std::move(options.known_bad);
    for (const BadSample& bad : bad_samples) {
      reasons.emplace(bad.sample, bad.reason);
      listed.insert(bad.sample);
    }
    num_slots = sampler.batch() / options.ranks;
    sizes = work.view_sizes();
    labels = source.labels();
    chunk = std::clamp<std::int64_t>(num_slots / (4 * options.threads), 1, kMaxChunk);
    ring.resize(static_cast<std::size_t>(options.prefetch));
    scratch = std::vector<Scratch>(static_cast<std::size_t>(options.threads));
    for (Entry& entry : ring) {
      entry.bad_by_slot.resize(static_cast<std::size_t>(num_slots));
      entry.batch.samples.resize(static_cast<std::size_t>(num_slots));
      entry.batch.pack = work.make_pack();
      if (!labels.empty()) entry.batch.labels.resize(static_cast<std::size_t>(num_slots));
      for (const ViewSize& size : sizes) {
        entry.batch.views.emplace_back(static_cast<std::size_t>(size.floats * num_slots),
                                       options.memory);
        entry.batch.targets.emplace_back(static_cast<std::size_t>(size.targets * num_slots));
      }
    }
    try {
      for (Scratch& one : scratch) threads.emplace_back([this, &one] { run_thread(one); });
    } catch (...) {
      stop();
      throw;
    }
  }

  ~State() { stop(); }

  void stop() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    room.notify_all();
    for (std::thread& thread : threads) thread.join();
    threads.clear();
  }

  // Where in the sampler's batch this rank's slot lies.
  std::int64_t slot_of_batch(std::int64_t slot) const {
    const std::int64_t share = num_slots / options.micro_batches;
    return (slot / share * options.ranks + options.rank) * share + slot % share;
  }

  Entry& entry_of(std::int64_t step) {
    return ring[static_cast<std::size_t>(step % options.prefetch)];
  }

  // The next chunk to make, or nothing when the loader stops. Blocks while the ring is full.
  std::optional<Chunk> take_chunk(Counters& counters) {
    const Timed timed(counters, &Counters::idle_ns);
    std::unique_lock lock(mutex);
    room.wait(lock, [this] {
      const bool ended = options.end_step >= 0 && next_step >= options.end_step;
      return stopping || (!ended && next_step < delivered + options.prefetch - (holding ? 1 : 0));
    });
    if (stopping) return std::nullopt;
    Entry& entry = entry_of(next_step);
    if (next_slot == 0) reset(entry, next_step);
    const Chunk result{next_step, next_slot, std::min(next_slot + chunk, num_slots)};
    next_slot = result.end;
    if (next_slot == num_slots) {
      next_slot = 0;
      ++next_step;
    }
    return result;
  }

  void reset(Entry& entry, std::int64_t step) const {
    entry.batch.step = step;
    entry.batch.epoch = step / sampler.steps_per_epoch();
    if (entry.batch.pack) entry.batch.pack->reset();
    entry.num_done = 0;
    entry.error_slot = -1;
    entry.error = nullptr;
    for (auto& bad : entry.bad_by_slot) bad.clear();
  }

  void run_thread(Scratch& mine) {
    while (const std::optional<Chunk> todo = take_chunk(mine.counters)) {
      Entry& entry = entry_of(todo->step);
      std::int64_t error_slot = -1;
      std::exception_ptr error;
      for (std::int64_t slot = todo->begin; slot < todo->end && !error; ++slot) {
        if (stopping) return;
        try {
          make_sample(entry, slot, mine);
        } catch (...) {
          error_slot = slot;
          error = std::current_exception();
        }
      }
      const std::lock_guard lock(mutex);
      if (error && (entry.error_slot < 0 || error_slot < entry.error_slot)) {
        entry.error_slot = error_slot;
        entry.error = error;
      }
      entry.num_done += todo->end - todo->begin;
      if (entry.num_done == num_slots) ready.notify_all();
    }
  }

  // Reads the planned image, or the first usable one of its replacements, and runs the work on it.
  void make_sample(Entry& entry, std::int64_t slot, Scratch& mine) {
    Batch& batch = entry.batch;
    const std::int64_t step = batch.step % sampler.steps_per_epoch();
    const std::int64_t planned = sampler.sample(batch.epoch, step, slot_of_batch(slot));
    auto& bad = entry.bad_by_slot[static_cast<std::size_t>(slot)];
    std::int64_t sample = planned;
    const auto box = [&](std::int64_t height, std::int64_t width) {
      return work.wanted(height, width, batch.epoch, planned);
    };
    const image::Wanted wanted = std::ref(box);  // a function this small is not put on the heap
    if (!try_read(sample, wanted, mine)) {
      Rng rng(sampler.seed(),
              Purpose::kReplacement,
              static_cast<std::uint32_t>(batch.epoch),
              static_cast<std::uint32_t>(planned),
              0);
      do {
        bad.push_back(sample);
        if (bad.size() > kMaxReplacements) throw_all_bad(planned);
        sample = rng.below(source.size());
      } while (!try_read(sample, wanted, mine));
    }
    batch.samples[static_cast<std::size_t>(slot)] = sample;
    if (!labels.empty())
      batch.labels[static_cast<std::size_t>(slot)] = labels[static_cast<std::size_t>(sample)];
    {
      const Timed timed(mine.counters, &Counters::augment_ns);
      work.run(mine.image, batch.epoch, planned, slot, batch);
    }
    mine.counters.add(&Counters::images, 1);
  }

  // false: the image is bad; its reason is kept, and it is not read again.
  bool try_read(std::int64_t sample, const image::Wanted& wanted, Scratch& mine) {
    {
      const std::lock_guard lock(reasons_mutex);
      if (reasons.contains(sample)) return false;
    }
    try {
      {
        const Timed timed(mine.counters, &Counters::read_ns);
        source.read_file(sample, mine.bytes);
      }
      mine.counters.add(&Counters::bytes, static_cast<std::int64_t>(mine.bytes.size()));
      const Timed timed(mine.counters, &Counters::decode_ns);
      source.decode(sample, mine.bytes, wanted, mine.image);
      return true;
    } catch (const image::BadImage& bad) {
      const std::lock_guard lock(reasons_mutex);
      reasons.emplace(sample, bad.what());
      return false;
    }
  }

  [[noreturn]] void throw_all_bad(std::int64_t planned) {
    std::string reason;
    {
      const std::lock_guard lock(reasons_mutex);
      reason = reasons.at(planned);
    }
    throw DataError(fmt::format(
        "'{}' is bad ({}), and so are {} images drawn in its place: run `sslrun data check`",
        source.name(planned),
        reason,
        kMaxReplacements));
  }

  // Adds to the lists what the entry's making brought up, in the order of its slots.
  void publish(Entry& entry) {
    entry.batch.num_replaced = 0;
    for (const auto& bad : entry.bad_by_slot) {
      entry.batch.num_replaced += bad.empty() ? 0 : 1;
      for (const std::int64_t sample : bad) {
        if (!listed.insert(sample).second) continue;
        const std::lock_guard lock(reasons_mutex);
        bad_samples.push_back({sample, source.name(sample), reasons.at(sample)});
      }
    }
    num_replaced += entry.batch.num_replaced;
  }

  const Source& source;
  Sampler sampler;
  SampleWork& work;
  LoaderOptions options;
  std::int64_t num_slots = 0;  // of this rank
  std::vector<ViewSize> sizes;
  std::span<const std::int64_t> labels;
  std::int64_t chunk = 1;

  std::mutex mutex;  // guards what follows, and num_done and the error of each entry
  std::condition_variable room;
  std::condition_variable ready;
  std::atomic<bool> stopping = false;  // set under the mutex, read between images without it
  std::int64_t next_step = 0;          // the chunk to hand out next
  std::int64_t next_slot = 0;
  std::int64_t delivered = 0;  // the step that next() delivers next
  bool holding = false;        // the caller has the batch of step delivered - 1
  std::vector<Entry> ring;

  std::mutex reasons_mutex;
  std::map<std::int64_t, std::string> reasons;

  // The caller's alone.
  std::set<std::int64_t> listed;
  std::vector<BadSample> bad_samples;
  std::int64_t num_replaced = 0;
  double wait_s = 0;

  std::vector<Scratch> scratch;  // one per thread
  std::vector<std::thread> threads;
};

Loader::Loader(const Source& source,
               const Sampler& sampler,
               SampleWork& work,
               const LoaderOptions& options)
    : state_(std::make_unique<State>(source, sampler, work, options)) {}

Loader::~Loader() = default;

const Batch& Loader::next() {
  State& s = *state_;
  check_invariant(s.options.end_step < 0 || s.delivered < s.options.end_step,
                  "next() is called up to end_step");
  const Clock::time_point begin = Clock::now();
  std::unique_lock lock(s.mutex);
  s.holding = false;  // the previous batch's place may be filled
  s.room.notify_all();
  Entry& entry = s.entry_of(s.delivered);
  s.ready.wait(lock,
               [&] { return entry.batch.step == s.delivered && entry.num_done == s.num_slots; });
  s.wait_s += std::chrono::duration<double>(Clock::now() - begin).count();
  if (entry.error) std::rethrow_exception(entry.error);
  s.holding = true;
  ++s.delivered;
  lock.unlock();
  s.room.notify_all();
  s.publish(entry);
  return entry.batch;
}

const std::vector<BadSample>& Loader::bad_samples() const {
  return state_->bad_samples;
}

std::int64_t Loader::num_replaced() const {
  return state_->num_replaced;
}

Stages Loader::stages() const {
  Stages sum{.wait_s = state_->wait_s};
  for (const Scratch& one : state_->scratch) one.counters.add_to(sum);
  return sum;
}

}  // namespace sslrun::data
