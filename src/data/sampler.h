// Which image stands in which place of which batch.
#pragma once
#include <cstdint>

namespace sslrun::data {

/// A keyed permutation of the images per epoch, cut into batches; the images left over are dropped.
/// The answer depends on (seed, epoch, step, slot) alone: no state to save, any place can be asked
/// for.
class Sampler {
 public:
  /// batch: images per step over all ranks. errors: DataError unless 1 <= batch <= num_samples.
  Sampler(std::uint32_t seed, std::int64_t num_samples, std::int64_t batch);

  /// Whole batches in one epoch: floor(num_samples / batch).
  std::int64_t steps_per_epoch() const { return num_samples_ / batch_; }

  /// Image for slot 0 .. batch - 1 of step 0 .. steps_per_epoch - 1 of an epoch.
  std::int64_t sample(std::int64_t epoch, std::int64_t step, std::int64_t slot) const;

  std::int64_t num_samples() const { return num_samples_; }

  std::int64_t batch() const { return batch_; }

  std::uint32_t seed() const { return seed_; }

 private:
  std::uint32_t seed_;
  std::int64_t num_samples_;
  std::int64_t batch_;
};

}  // namespace sslrun::data
