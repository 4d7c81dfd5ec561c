// The training loop: batches in, steps out, with a record that a resumed run continues to the bit.
#pragma once
#include "base/job_end.h"
#include "checkpoint/store.h"
#include "data/cache.h"
#include "data/loader.h"
#include "dist/gradient_reducer.h"
#include "dist/world.h"
#include "methods/method.h"
#include "metrics/event_file.h"
#include "metrics/metrics_log.h"
#include "ops/autocast.h"
#include "ops/host_memory.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "recipe/load.h"
#include "train/accumulate.h"
#include "train/health.h"
#include "train/kept_buffers.h"
#include "train/loader_watch.h"
#include "train/monitor.h"
#include "train/nonfinite.h"
#include "train/run_folder.h"
#include "train/run_state.h"
#include "train/saver.h"
#include "train/side_write.h"
#include "train/spike.h"
#include "train/view_path.h"
#include "views/pipeline.h"

#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sslrun::train {

/// What a trainer needs; all of it outlives the trainer. Each rank of the world has a trainer, and all
/// do alike; the first one's has the run folder and keeps the record, the others' have none.
struct TrainerDeps {
  const recipe::LoadedRecipe& loaded;  // every auto value decided
  const recipe::OpenedData& data;
  const RunFolder* folder;  // null: of another rank than the first, or where no record is kept
  dist::World& world;
  at::Device device;
  ops::Precision precision;
  std::int64_t ranks_here = 1;  // of the world, on this machine
};

class Trainer {
 public:
  /// Builds the model and the data path. start: where the run stands; snapshot: its tensors, null
  /// at the beginning.
  /// errors    CheckpointError where the snapshot is not one of this model, or not the other ranks'.
  Trainer(const TrainerDeps& deps, const RunState& start, const checkpoint::Snapshot* snapshot);

  /// Trains to the end, or to the next step after a stop signal to any rank; saves either way.
  /// Returns the signal, 0 at the end, on every rank the same.
  /// errors    NumericsError when a loss or gradient is not finite on any rank: no rank applies the
  ///           step, the last checkpoint stands. With train.on_nonfinite: rollback a NonfiniteError,
  ///           with skip only when that goes on.
  int run();

  /// From now on no checkpoint is written; returns when the one under way is.
  void stop_saving() { saver_.reset(); }

  /// Lets status.json say that the run has ended so.
  void note_failure(const std::string& reason);

  /// What a step gives.
  struct Replayed {
    double loss = 0, grad_norm = 0, lr = 0;
    std::vector<std::int64_t> samples;
  };

  /// Takes the steps up to `step`, which is later than the state's, and saves nothing. The last one's
  /// figures may be of any kind.
  /// errors    NumericsError as run() where a step before it is not finite.
  Replayed replay(std::int64_t step);

  const RunState& state() const { return state_; }

  std::int64_t total_steps() const { return total_steps_; }

 private:
  struct StepOutcome {
    double loss = 0, lr = 0, weight_decay = 0, grad_norm = 0;
    std::int64_t candidates = 0;
    double guessing_scale = 1;
    std::vector<std::pair<std::string, double>> scalars = {};

    /// Whether the weights have moved.
    bool applied() const { return std::isfinite(loss) && std::isfinite(grad_norm); }
  };

  /// What the ranks agree on in a step, or before the first.
  struct Agreement {
    int signal = 0;        // that one of them has received
    bool new_bad = false;  // one has met bad images
  };

  void warn_of_low_memory();
  /// Makes the loss and the scalars of a step, where there is one, the means over the ranks, and renews
  /// what they agree on.
  void agree(StepOutcome* outcome);
  /// With its starting weights, a function of the recipe alone.
  std::unique_ptr<encoders::Encoder> make_encoder() const;
  /// The m-th part of a batch that next_batch() gave, on the device.
  MicroBatch micro_batch(const data::Batch& batch, std::int64_t m);
  methods::Progress step_progress() const;
  /// One step, or what takes its place where the batch is left out.
  StepOutcome take_step(const data::Batch& batch);
  /// Where loss or gradient is not finite, weights and buffers stay as before_step left them.
  StepOutcome train_step(const data::Batch& batch);
  StepOutcome leave_out();
  /// What follows from a step that was not applied. errors: as run().
  void refuse(const StepOutcome& outcome, const data::Batch& batch);
  const data::Batch& next_batch();
  void record(const StepOutcome& outcome);
  void write(const metrics::Record& line);
  /// One line to the user, from the first rank.
  void warn(const std::string& line);
  void warn_if(const std::optional<std::string>& verdict);
  /// Whether the step under way has its costly scalars logged.
  bool diagnosed() const;
  /// Warns of training that fails, or ends it. errors: NumericsError where the recipe says so.
  void judge(const StepOutcome& outcome);
  void note_bad_images();
  bool evaluation_due() const;
  void evaluate();
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
  std::unique_ptr<dist::GradientReducer> reducer_;  // null: one rank
  optim::Schedule schedule_;
  RunState state_;
  std::int64_t total_steps_;
  // Of the first rank, as what it has of the run folder.
  std::optional<metrics::MetricsLog> metrics_;
  std::optional<metrics::EventFile> events_;
  ops::CopyFence copies_;  // of the last batch
  Monitor monitor_;
  SideWrite metrics_write_, events_write_, other_writes_;
  bool sync_refused_ = false;   // the saver's: one thread at a time
  std::optional<Saver> saver_;  // of the first rank too
  bool needs_labels_;
  HealthWatch health_;
  SpikeWatch spikes_;
  std::optional<KeptBuffers> kept_;            // of the method; none: what forward wrote stays
  std::unique_ptr<data::CachedSource> cache_;  // of the training images; null: none
  std::unique_ptr<data::Loader> loader_;       // last: its threads use what is above
  std::optional<LoaderWatch> loader_watch_;
  std::optional<std::time_t> job_end_ = job_end();
  Agreement agreed_;
  std::size_t told_bad_ = 0;  // bad images of this rank's loader that all ranks know of
};

}  // namespace sslrun::train
