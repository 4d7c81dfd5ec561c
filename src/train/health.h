// Says in words when training is failing.
#pragma once
#include "data/loader.h"
#include "data/stages.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sslrun::train {

/// Watches the standard deviation of the embeddings (ops/embedding_std.h): a healthy one is near 1
/// / sqrt(D).
class CollapseWatch {
 public:
  /// What to tell the user after this step; nothing as a rule, and never the same twice.
  std::optional<std::string> observe(std::int64_t step, double embedding_std, std::int64_t dim);

 private:
  std::int64_t low_steps_ = 0;
  bool told_ = false;
};

/// What to tell about a loader that keeps the network waiting for `data_wait` (0..1) of the time, and
/// spent its own as `stages` says: the stage that holds it up and what to change. Nothing below 10 %.
std::optional<std::string> starving_verdict(double data_wait,
                                            const data::Stages& stages,
                                            const data::LoaderSetting& setting);

/// Why a run must stop in which these of `images` images are bad: more than the fraction, and than a
/// handful (4: one broken file shall not stop a run on a small set); with a fraction of 0, any.
/// Nothing where it goes on. list: the file that names them.
std::optional<std::string> bad_images_verdict(const std::vector<data::BadSample>& bad,
                                              std::int64_t images,
                                              double max_fraction,
                                              const std::string& list);

}  // namespace sslrun::train
