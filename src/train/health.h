// Says in words when training is failing.
#pragma once
#include "data/loader.h"
#include "data/stages.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sslrun::train {

/// What one step says of the training.
struct StepSigns {
  std::int64_t step = 0;
  double loss = 0;
  std::int64_t candidates = 0;  // StepResult::candidates and guessing_scale
  double guessing_scale = 1;
  std::int64_t dim = 1;  // of the embeddings
  std::span<const std::pair<std::string, double>> scalars = {};
};

/// Notices training that learns nothing any more. Looks at the loss, where it chooses one of K; and,
/// where they are among the scalars, at
///   embedding_std    ops/embedding_std.h: 1 / sqrt(dim) where the embeddings fill the sphere
///   raw_std          mean deviation of the embeddings as they are, of a loss that holds it at 1
///   rank_me          ops/representation.h: how many directions they fill
///   teacher_kl       from uniform, in nats: 0 where the teacher tells nothing apart
///   prototypes_used  1 where it tells all images to be the same
class HealthWatch {
 public:
  /// advice: MethodConfig::collapse_advice().
  explicit HealthWatch(std::string_view advice) : advice_(advice) {}

  /// What to tell the user after this step: the figure, since when, the likely cause and the keys to
  /// change; nothing as a rule, and never the same twice.
  std::optional<std::string> observe(const StepSigns& signs);

 private:
  /// Something bad that counts once it has lasted.
  class Rule {
   public:
    bool lasts(bool bad, std::int64_t patience);

   private:
    std::int64_t count_ = 0;
    bool told_ = false;
  };

  std::optional<std::string> judge_loss(const StepSigns& signs);
  std::optional<std::string> judge_embeddings(const StepSigns& signs);
  std::optional<std::string> judge_teacher(const StepSigns& signs);
  std::string remedy() const;

  std::string advice_;
  Rule guessing_, worse_, collapsed_, shrunk_, few_directions_, uniform_teacher_, one_prototype_;
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
