// The speed of a run, its progress line and its status.json.
#pragma once
#include "base/clock.h"
#include "train/progress.h"
#include "train/side_write.h"

#include <cstdint>
#include <filesystem>
#include <string>

namespace sslrun::train {

struct RunPlan {
  std::int64_t total_steps = 0, steps_per_epoch = 0, epochs = 0, images_per_step = 0;
};

/// Whether the status.json of that run folder says that its run is done.
bool says_done(const std::filesystem::path& run_folder);

class Monitor {
 public:
  /// run_folder: empty for a process that measures only, draws no line and writes no status.json.
  /// before_s: what earlier sittings of the run took.
  Monitor(const std::filesystem::path& run_folder,
          const RunPlan& plan,
          std::int64_t first_step,
          double before_s);

  /// After each step. wait_seconds: the loader's total.
  void step_done(std::int64_t step, double loss, double lr, double wait_seconds);

  /// Time from now to the end of the scope counts for neither speed nor waiting: evaluation,
  /// saving.
  class Pause {
   public:
    explicit Pause(Monitor& monitor) : monitor_(monitor) {}

    ~Pause() { monitor_.paused_s_ += watch_.seconds(); }

    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    Monitor& monitor_;
    Stopwatch watch_;
  };

  /// Over the last few seconds of training.
  double images_per_s() const { return images_per_s_; }

  double data_wait() const { return data_wait_; }

  /// Since the run started, all sittings together.
  double time_s() const { return before_s_ + watch_.seconds(); }

  /// Share of this sitting's time spent in training steps.
  double goodput() const { return 1 - paused_s_ / watch_.seconds(); }

  void checkpoint_saved(const std::string& name) { last_checkpoint_ = name; }

  /// How many steps' batches train nothing, so far or by what is known of them.
  void left_out(std::size_t steps) { left_out_ = steps; }

  /// Writes status.json now, as far as the storage lets it. state: "training", "evaluating", "done", "stopped".
  void write_status(const std::string& state);
  /// Writes the state "failed" with the reason.
  void write_failure(const std::string& reason);

  Progress& progress() { return progress_; }

 private:
  struct Mark {
    double training_s = 0, wait_s = 0;
    std::int64_t step = 0;
  };

  void write(const std::string& state, const std::string& reason);

  std::filesystem::path status_path_;
  RunPlan plan_;
  double before_s_;
  Stopwatch watch_;
  double paused_s_ = 0;
  Mark mark_;  // where the present window of measurement began
  double images_per_s_ = 0, data_wait_ = 0;
  StepView view_;
  std::string last_checkpoint_;
  std::size_t left_out_ = 0;
  double next_status_s_ = 0;
  Progress progress_;
  SideWrite status_write_;
};

}  // namespace sslrun::train
