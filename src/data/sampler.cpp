#include "data/sampler.h"

#include "base/error.h"
#include "base/permutation.h"

#include <fmt/format.h>

namespace sslrun::data {

Sampler::Sampler(std::uint32_t seed, std::int64_t num_samples, std::int64_t batch)
    : seed_(seed), num_samples_(num_samples), batch_(batch) {
  if (batch < 1) throw DataError(fmt::format("a batch must hold at least 1 image, got {}", batch));
  if (num_samples < batch) {
    throw DataError(
        fmt::format("a batch takes {} images and the data set has {}: lower train.batch_size",
                    batch,
                    num_samples));
  }
}

std::int64_t Sampler::sample(std::int64_t epoch, std::int64_t step, std::int64_t slot) const {
  check_invariant(step >= 0 && step < steps_per_epoch() && slot >= 0 && slot < batch_,
                  "step and slot lie in the epoch");
  return Permutation(seed_, static_cast<std::uint32_t>(epoch), num_samples_)(step * batch_ + slot);
}

}  // namespace sslrun::data
