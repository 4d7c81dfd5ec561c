// What a person sees while a run trains: one redrawn line on a terminal, a plain line now and then
// elsewhere.
#pragma once
#include "base/clock.h"

#include <cstdint>
#include <string>

namespace sslrun::train {

struct StepView {
  std::int64_t step = 0;  // steps done
  std::int64_t total_steps = 0;
  std::int64_t epoch = 0;  // counted from 1
  std::int64_t epochs = 0;
  double images_per_s = 0;
  double data_wait = 0;  // share of the time, 0..1
  double loss = 0;
  double lr = 0;
  double eta_s = 0;
};

/// "epoch 3/20  step 120/1160  2345 images/s  wait 0.3 %  loss 4.812  lr 0.123  8 min 20 s left"
std::string progress_line(const StepView& view);

/// "45 s", "8 min 20 s", "3 h 5 min", "2 d 4 h".
std::string duration_text(double seconds);

class Progress {
 public:
  /// fd: where to draw, stderr as a rule.
  explicit Progress(int fd);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Draws when it is time: five times a second on a terminal, every ten seconds and at `important`
  /// steps elsewhere.
  void update(const StepView& view, bool important);
  /// Makes room for a line of text of another kind.
  void clear();

 private:
  bool redraw_;
  int fd_;
  bool drawn_ = false;
  double next_s_ = 0;
  Stopwatch watch_;
};

}  // namespace sslrun::train
