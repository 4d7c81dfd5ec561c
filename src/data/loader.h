// Threads that read, decode and transform images ahead of the training step.
#pragma once
#include "data/batch.h"
#include "data/sampler.h"
#include "data/source.h"
#include "data/stages.h"
#include "image/image.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sslrun::data {

/// What one sample takes in a view.
struct ViewSize {
  std::int64_t floats = 0;  // pictures_v * H_v * W_v * C
  std::int64_t targets = 0;
};

/// What is done with one decoded image: the views. Called from many threads at once, each with its
/// own slot.
class SampleWork {
 public:
  virtual ~SampleWork() = default;

  /// Of each view; the loader sizes Batch::views and Batch::targets by it.
  virtual std::vector<ViewSize> view_sizes() const = 0;

  /// A Batch::pack, one part per slot, for a work that packs; the loader resets it for each batch,
  /// and who takes the batch seals it.
  virtual std::shared_ptr<BytePack> make_pack() const { return nullptr; }

  /// The part of a [height, width] image that run() with the same epoch and sample looks at.
  virtual image::Box wanted(std::int64_t height,
                            std::int64_t width,
                            std::int64_t epoch,
                            std::int64_t sample) const = 0;
  /// Writes the sample's views and targets to their place in the batch: views[v][slot *
  /// view_sizes()[v].floats ...].
  /// sample is the random key: the planned image's number, also when another one replaces it.
  /// image: all of it, or the wanted part.
  virtual void run(const image::Image& image,
                   std::int64_t epoch,
                   std::int64_t sample,
                   std::int64_t slot,
                   Batch& batch) = 0;
};

/// An image that could not be used.
struct BadSample {
  std::int64_t sample = 0;
  std::string name;
  std::string reason;
};

struct LoaderOptions {
  std::int64_t threads = 1;
  // Batches in the ring, >= 2. While the caller uses one the other is filled; while it waits both are,
  // so a third speeds nothing up that waits for the loader, and of DINO's views it is 134 MB.
  std::int64_t prefetch = 2;
  // The sampler's batch is a row of micro_batches equal parts; this rank takes the rank-th of so many
  // equal slices of each, one after the other. batch % (ranks * micro_batches) = 0.
  std::int64_t rank = 0, ranks = 1, micro_batches = 1;
  std::int64_t start_step = 0;  // first step to deliver, counted from the start of the run
  std::int64_t end_step = -1;   // step after the last; -1: no end
  /// Bad already before start_step: they are replaced without being read, so that a run that was
  /// stopped goes on with the same images although a file may be whole again.
  std::vector<BadSample> known_bad = {};
  /// Where the batches' views lie: taken when the loader starts, given back when it is destroyed.
  std::pmr::memory_resource* memory = std::pmr::get_default_resource();
};

/// Delivers the batches of steps start_step, start_step + 1, ... across epochs. What a batch holds
/// depends on the data, the sampler and its step alone: not on threads, prefetch or the step at
/// which the loader started. A bad image is replaced by others drawn with Rng(seed, kReplacement,
/// epoch, sample), so in the same way on a resume.
class Loader {
 public:
  /// source and work must outlive the loader. errors: options out of range are a bug of the caller
  /// (check_invariant).
  Loader(const Source& source,
         const Sampler& sampler,
         SampleWork& work,
         const LoaderOptions& options);
  /// Stops promptly: each thread ends after the image it is at.
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The next step's batch; valid until the following call. Waits for it, and rethrows what a
  /// thread threw in making it. errors: DataError when 64 replacements in a row are bad too;
  /// calling past end_step is a bug of the caller.
  const Batch& next();
  /// The known bad images, then those met in the batches delivered so far, each once, in the order
  /// of batches and slots.
  const std::vector<BadSample>& bad_samples() const;
  /// Places filled by a replacement in the batches delivered so far.
  std::int64_t num_replaced() const;
  /// Where time has gone since the loader started; what a thread is at counts when it is done.
  Stages stages() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sslrun::data
