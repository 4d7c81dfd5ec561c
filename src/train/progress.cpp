#include "train/progress.h"

#include "base/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace sslrun::train {
namespace {

constexpr double kRedrawSeconds = 0.2, kPlainSeconds = 10;

void put(int fd, const std::string& text) {
  [[maybe_unused]] const auto written =
      ::write(fd, text.data(), text.size());  // a closed terminal never stops a run
}

}  // namespace

std::string duration_text(double seconds) {
  const auto s = static_cast<std::int64_t>(std::llround(std::max(seconds, 0.0)));
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {} s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{} h {} min", s / 3600, s / 60 % 60);
  return fmt::format("{} d {} h", s / 86400, s / 3600 % 24);
}

std::string progress_line(const StepView& v) {
  return fmt::format(
      "epoch {}/{}  step {}/{}  {:.0f} images/s  wait {:.1f} %  loss {:.4f}  lr {:.4g}  {} left",
      v.epoch,
      v.epochs,
      v.step,
      v.total_steps,
      v.images_per_s,
      100 * v.data_wait,
      v.loss,
      v.lr,
      duration_text(v.eta_s));
}

Progress::Progress(int fd) : redraw_(is_terminal(fd)), fd_(fd) {}

Progress::~Progress() {
  clear();
}

void Progress::update(const StepView& view, bool important) {
  const double now = watch_.seconds();
  if (now < next_s_ && !(important && !redraw_)) return;
  std::string line = progress_line(view);
  if (redraw_) {
    next_s_ = now + kRedrawSeconds;
    line.resize(
        std::min(line.size(), static_cast<std::size_t>(std::max(terminal_columns(fd_) - 1, 1))));
    put(fd_, "\r\033[K" + line);
    drawn_ = true;
  } else {
    next_s_ = now + kPlainSeconds;
    put(fd_, line + "\n");
  }
}

void Progress::clear() {
  if (drawn_) put(fd_, "\r\033[K");
  drawn_ = false;
}

}  // namespace sslrun::train
