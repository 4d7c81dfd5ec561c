// The training loop: batches in, steps out, with a record that a resumed run continues to the bit.
#pragma once
#include "base/job_end.h"
#include "checkpoint/store.h"
#include "data/cache.h"
#include "data/loader.h"
#include "dist/world.h"
#include "methods/method.h"
#include "metrics/event_file.h"
#include "metrics/metrics_log.h"
#include "ops/autocast.h"
#include "ops/host_memory.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "recipe/load.h"
#include "train/health.h"
#include "train/monitor.h"
#include "train/run_folder.h"
#include "train/run_state.h"
#include "train/saver.h"
#include "train/side_write.h"
#include "train/view_path.h"
#include "views/pipeline.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace sslrun::train {

/// What a trainer needs; all of it outlives the trainer.
struct TrainerDeps {
  const recipe::LoadedRecipe& loaded;  // every auto value decided
  const recipe::OpenedData& data;
  const RunFolder& folder;
  dist::World& world;
  at::Device device;
  ops::Precision precision;
};

class Trainer {
 public:
  /// Builds the model and the data path. start: where the run stands; snapshot: its tensors, null
  /// at the beginning.
  /// errors    CheckpointError where the snapshot is not one of this model.
  Trainer(const TrainerDeps& deps, const RunState& start, const checkpoint::Snapshot* snapshot);

  /// Trains to the end, or to the next step after a stop signal; saves either way. Returns the
  /// signal, 0 at the end.
  /// errors    NumericsError when a loss or gradient is not finite: the step is not applied, the
  ///           last checkpoint stands.
  int run();

  const RunState& state() const { return state_; }

  std::int64_t total_steps() const { return total_steps_; }

 private:
  struct StepOutcome {
    double loss = 0, lr = 0, grad_norm = 0;
    std::int64_t candidates = 0;
    std::vector<std::pair<std::string, double>> scalars;
  };

  int train();
  /// With its starting weights, a function of the recipe alone.
  std::unique_ptr<encoders::Encoder> make_encoder() const;
  StepOutcome train_step(const data::Batch& batch);
  void require_finite(const StepOutcome& outcome, const data::Batch& batch) const;
  void record(const StepOutcome& outcome);
  void write(const metrics::Record& line);
  /// Whether the step under way has its costly scalars logged.
  bool diagnosed() const;
  /// Warns of training that fails, or ends it. errors: NumericsError where the recipe says so.
  void judge(const StepOutcome& outcome);
  /// At an epoch's end: says once that the network waits for images, and what holds them up.
  void judge_loader();
  /// Says once that not all images find room in the cache.
  void note_full_cache();
  /// Thread time per image in each stage of the loader and how idle its threads were, since the last
  /// line.
  void add_stages(metrics::Record& line);
  void note_bad_images();
  bool evaluation_due() const;
  void evaluate();
  /// Nothing when a stop signal came in between.
  std::optional<double> knn_top1(encoders::Encoder& encoder) const;
  /// After each step: has a checkpoint written beside training where one is due.
  void save_when_due();
  /// Asks for the stop that a signal would bring, in time to save before the batch system ends the
  /// job.
  void watch_time_limit();
  /// Returns when the present state is on disk. errors: StorageError.
  void save();
  checkpoint::Snapshot snapshot();
  /// Before a checkpoint is written, on whatever thread that is.
  void sync_metrics();
  void save_preview();

  const TrainerDeps deps_;
  const recipe::Recipe& recipe_;
  views::Pipeline pipeline_;
  std::unique_ptr<ViewPath> view_path_;
  data::Sampler sampler_;
  std::unique_ptr<methods::Method> method_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  std::vector<at::Tensor> parameters_;
  optim::Schedule schedule_;
  RunState state_;
  std::int64_t total_steps_;
  metrics::MetricsLog metrics_;
  metrics::EventFile events_;
  ops::CopyFence copies_;  // of the last batch
  Monitor monitor_;
  SideWrite metrics_write_, events_write_, other_writes_;
  bool sync_refused_ = false;  // the saver's: one thread at a time
  Saver saver_;
  bool needs_labels_;
  HealthWatch health_;
  std::unique_ptr<data::CachedSource> cache_;   // of the training images; null: none
  std::unique_ptr<data::Loader> loader_;        // last: its threads use what is above
  data::Stages logged_stages_, judged_stages_;  // up to the last line, the last epoch's end
  std::optional<std::time_t> job_end_ = job_end();
  bool starving_told_ = false, full_cache_told_ = false;
};

}  // namespace sslrun::train
