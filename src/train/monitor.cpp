#include "train/monitor.h"

#include "base/clock.h"
#include "base/file.h"

#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <limits>

namespace sslrun::train {
namespace {

constexpr double kWindowSeconds = 2, kStatusSeconds = 5;

/// The epoch, counted from 1, that `steps_done` lie in.
std::int64_t epoch_of(std::int64_t steps_done, const RunPlan& plan) {
  return std::max<std::int64_t>(steps_done - 1, 0) / plan.steps_per_epoch + 1;
}

}  // namespace

bool says_done(const std::filesystem::path& run_folder) {
  const std::filesystem::path path = run_folder / "status.json";
  if (!std::filesystem::exists(path)) return false;
  const auto status = nlohmann::json::parse(read_file(path), nullptr, /*allow_exceptions=*/false);
  return status.is_object() && status.value("state", "") == "done";
}

Monitor::Monitor(const std::filesystem::path& run_folder,
                 const RunPlan& plan,
                 std::int64_t first_step,
                 double before_s)
    : status_path_(run_folder.empty() ? run_folder : run_folder / "status.json"),
      plan_(plan),
      before_s_(before_s),
      progress_(STDERR_FILENO),
      status_write_("status.json", progress_) {
  mark_.step = first_step;
  view_.step = first_step;
  view_.total_steps = plan.total_steps;
  view_.epoch = epoch_of(first_step, plan);
  view_.epochs = plan.epochs;
  view_.loss =
      std::numeric_limits<double>::quiet_NaN();  // null in status.json: no step has been taken yet
}

void Monitor::step_done(std::int64_t step, double loss, double lr, double wait_seconds) {
  const double now = watch_.seconds() - paused_s_;
  const double window = now - mark_.training_s;
  if (window >= kWindowSeconds || images_per_s_ == 0) {
    images_per_s_ =
        static_cast<double>((step - mark_.step) * plan_.images_per_step) / std::max(window, 1e-9);
    data_wait_ = std::clamp((wait_seconds - mark_.wait_s) / std::max(window, 1e-9), 0.0, 1.0);
    if (window >= kWindowSeconds) mark_ = {now, wait_seconds, step};
  }
  const double left = static_cast<double>((plan_.total_steps - step) * plan_.images_per_step);
  view_ = {.step = step,
           .total_steps = plan_.total_steps,
           .epoch = epoch_of(step, plan_),
           .epochs = plan_.epochs,
           .images_per_s = images_per_s_,
           .data_wait = data_wait_,
           .loss = loss,
           .lr = lr,
           .eta_s = left / std::max(images_per_s_, 1e-9)};
  if (status_path_.empty()) return;
  progress_.update(view_, step % plan_.steps_per_epoch == 0);
  if (watch_.seconds() >= next_status_s_) write_status("training");
}

void Monitor::write_status(const std::string& state) {
  write(state, "");
}

void Monitor::write_failure(const std::string& reason) {
  write("failed", reason);
}

void Monitor::write(const std::string& state, const std::string& reason) {
  if (status_path_.empty()) return;
  next_status_s_ = watch_.seconds() + kStatusSeconds;
  nlohmann::ordered_json out = {{"state", state},
                                {"step", view_.step},
                                {"total_steps", view_.total_steps},
                                {"epoch", view_.epoch},
                                {"epochs", view_.epochs},
                                {"loss", view_.loss},
                                {"images_per_s", images_per_s_},
                                {"data_wait", data_wait_},
                                {"eta_s", view_.eta_s},
                                {"goodput", goodput()},
                                {"last_checkpoint", last_checkpoint_},
                                {"left_out", left_out_},
                                {"process", getpid()},
                                {"time", utc_now()}};
  if (!reason.empty()) out["reason"] = reason;
  status_write_.attempt([&] {
    write_file_atomic(
        status_path_,
        out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  });
}

}  // namespace sslrun::train
