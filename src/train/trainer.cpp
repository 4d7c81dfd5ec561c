#include "train/trainer.h"

#include "base/append_file.h"
#include "base/cpu.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/stop_signal.h"
#include "eval/features.h"
#include "eval/knn.h"
#include "image/bad_image.h"
#include "image/png_write.h"
#include "methods/method_config.h"
#include "methods/trained_parameters.h"
#include "nn/randomness.h"
#include "ops/step.h"
#include "optim/clip.h"
#include "train/diagnose.h"
#include "train/image_cache.h"
#include "views/eval_transform.h"
#include "views/preview.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <ctime>
#include <span>
#include <utility>

namespace sslrun::train {
namespace {

constexpr std::int64_t kLogEverySteps = 10;
constexpr std::int64_t kDiagnoseEverySteps = 50;  // a multiple: their scalars are logged
constexpr std::int64_t kPreviewRows = 8;
constexpr std::size_t kBadImagesTold = 5;
constexpr std::int64_t kEvalBatch = 256;
constexpr double kBeforeJobEndSeconds = 60;  // and twice what a save takes

std::string json_lines(std::span<const data::BadSample> bad) {
  std::string lines;
  for (const data::BadSample& b : bad) {
    const nlohmann::ordered_json line = {
        {"sample", b.sample}, {"path", b.name}, {"reason", b.reason}};
    lines += line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  }
  return lines;
}

}  // namespace

Trainer::Trainer(const TrainerDeps& deps,
                 const RunState& start,
                 const checkpoint::Snapshot* snapshot)
    : deps_(deps),
      recipe_(deps.loaded.recipe),
      pipeline_(recipe_.augmentations,
                static_cast<std::uint32_t>(recipe_.train.seed),
                recipe_.data.channels),
      view_path_(make_view_path(pipeline_, recipe_, deps.device)),
      sampler_(static_cast<std::uint32_t>(recipe_.train.seed),
               deps.data.train->size(),
               recipe_.train.batch_size),
      method_(methods::make_method(recipe_.method,
                                   {.make_encoder = [this] { return make_encoder(); },
                                    .seed = static_cast<std::uint32_t>(recipe_.train.seed),
                                    .train_images = deps.data.train->size(),
                                    .channels = recipe_.data.channels})),
      schedule_(recipe_.schedule,
                recipe_.learning_rate.peak(recipe_.train.batch_size),
                sampler_.steps_per_epoch()),
      state_(start),
      total_steps_(recipe_.schedule.epochs * sampler_.steps_per_epoch()),
      metrics_(deps.folder.path() / "metrics.jsonl", state_.step, state_.evaluated_step),
      events_(deps.folder.path() / "tensorboard"),
      copies_(deps.device),
      monitor_(deps.folder.path(),
               {total_steps_,
                sampler_.steps_per_epoch(),
                recipe_.schedule.epochs,
                recipe_.train.batch_size},
               state_.step,
               state_.time_s),
      metrics_write_("metrics.jsonl", monitor_.progress()),
      events_write_("the TensorBoard record", monitor_.progress()),
      other_writes_("a file beside the checkpoints", monitor_.progress()),
      saver_({deps.folder.path(),
              recipe_.checkpoint.keep_last,
              [&lock = deps.folder.lock()] { lock.require_held(); }},
             {recipe_.checkpoint.every_epochs * sampler_.steps_per_epoch(),
              60 * recipe_.checkpoint.every_minutes},
             {snapshot ? checkpoint::name_of(state_.step) : "", monitor_.time_s()},
             [this] { sync_metrics(); }),
      needs_labels_(recipe::method_config(recipe_)->view_needs().labels),
      health_(recipe::method_config(recipe_)->collapse_advice()) {
  method_->to(deps.device);
  method_->to_channels_last();
  optimizer_ = optim::make_optimizer(
      recipe_.optimizer,
      methods::trained_parameters(*method_, recipe_.learning_rate, sampler_.steps_per_epoch()));
  for (const auto& [name, parameter] : method_->named_parameters())
    parameters_.push_back(parameter);
  if (snapshot != nullptr) {
    nn::load_state(*method_, snapshot->model);
    optimizer_->load_state(snapshot->optimizer);
  }
  if (state_.step < total_steps_) {
    cache_ = make_cache(recipe_.data, *deps.data.train);
    const data::Source& images = cache_ ? static_cast<data::Source&>(*cache_) : *deps.data.train;
    const data::LoaderOptions options{.threads = recipe_.train.workers.value(),
                                      .start_step = state_.step,
                                      .end_step = total_steps_,
                                      .known_bad = state_.bad_images,
                                      .memory = ops::batch_memory(deps.device)};
    loader_ = std::make_unique<data::Loader>(images, sampler_, view_path_->work(), options);
    // What was listed after the checkpoint is found again.
    const auto list = deps.folder.path() / "bad_images.jsonl";
    other_writes_.attempt([&] {
      if (std::filesystem::exists(list)) write_file_atomic(list, json_lines(state_.bad_images));
    });
  }
}

int Trainer::run() {
  try {
    return train();
  } catch (const std::exception& e) {
    monitor_.progress().clear();
    monitor_.write_failure(e.what());
    throw;
  }
}

int Trainer::train() {
  if (evaluation_due()) {  // stopped between the step and its evaluation
    evaluate();
    save();
  }
  while (state_.step < total_steps_ && stop_signal() == 0) {
    copies_.wait();  // the loader's threads fill the batch anew
    const data::Batch& batch = loader_->next();
    view_path_->load(batch);
    if (state_.step == 0) save_preview();
    const StepOutcome outcome = train_step(batch);
    ++state_.step;
    monitor_.step_done(state_.step, outcome.loss, outcome.lr, loader_->stages().wait_s);
    if (!deps_.folder.lock().held()) deps_.folder.lock().require_held();
    record(outcome);
    judge(outcome);
    note_bad_images();
    note_full_cache();
    watch_time_limit();
    if (stop_signal() == 0 && evaluation_due()) evaluate();
    if (stop_signal() == 0 && state_.step < total_steps_) save_when_due();
  }
  save();
  if (const int signal = stop_signal(); signal != 0) {
    monitor_.write_status("stopped");
    return signal;
  }
  monitor_.write_status("done");
  return 0;
}

std::unique_ptr<encoders::Encoder> Trainer::make_encoder() const {
  return encoders::make_encoder(
      recipe_.encoder, static_cast<std::uint32_t>(recipe_.train.seed), recipe_.data.channels);
}

Trainer::StepOutcome Trainer::train_step(const data::Batch& batch) {
  const std::int64_t micro_batches = recipe_.train.accumulate;
  const std::int64_t images = recipe_.train.batch_size / micro_batches;
  StepOutcome outcome;
  const optim::StepRates rates = schedule_.at(state_.step);
  outcome.lr = rates.lr;
  const methods::Progress progress{state_.step, total_steps_, sampler_.steps_per_epoch()};
  method_->before_step(progress);
  optimizer_->zero_grad();
  for (std::int64_t m = 0; m < micro_batches; ++m) {
    std::vector<at::Tensor> views, targets;
    for (std::int64_t v = 0; v < pipeline_.num_views(); ++v) {
      const std::int64_t num_targets = pipeline_.form(v).targets;
      views.push_back(view_path_->view(v, m * images, images));
      targets.push_back(ops::classes_to(
          batch.targets[static_cast<std::size_t>(v)].data() + m * images * num_targets,
          images,
          num_targets,
          deps_.device));
    }
    const auto samples =
        std::span(batch.samples).subspan(std::size_t(m * images), std::size_t(images));
    at::Tensor labels;
    if (needs_labels_) {
      labels =
          ops::classes_to(batch.labels.data() + m * images, images, 1, deps_.device).view({-1});
    }
    copies_.record();
    methods::StepResult result;
    {
      const ops::Autocast autocast(deps_.precision, deps_.device);
      const nn::Randomness randomness(
          static_cast<std::uint32_t>(recipe_.train.seed), progress.epoch(), samples);
      result =
          method_->forward(views, {deps_.world, progress, samples, targets, labels, diagnosed()});
    }
    ops::backward(result.loss, 1.0 / static_cast<double>(micro_batches));
    outcome.loss += ops::value(result.loss) / static_cast<double>(micro_batches);
    if (m + 1 == micro_batches) {
      for (const auto& [name, scalar] : result.scalars)
        outcome.scalars.emplace_back(name, ops::value(scalar));
      outcome.candidates = result.candidates;
      if (diagnosed()) {
        const auto described = describe(result.embeddings);
        outcome.scalars.insert(outcome.scalars.end(), described.begin(), described.end());
      }
    }
  }
  outcome.grad_norm = ops::gradient_norm(parameters_);
  require_finite(outcome, batch);
  if (recipe_.has_clip) optim::clip_gradients(method_->named_parameters(), recipe_.clip);
  optimizer_->step(rates, method_->following(progress));
  method_->after_step(progress);
  return outcome;
}

void Trainer::require_finite(const StepOutcome& outcome, const data::Batch& batch) const {
  if (std::isfinite(outcome.loss) && std::isfinite(outcome.grad_norm)) return;
  nlohmann::ordered_json samples = batch.samples;
  const auto path = deps_.folder.path() / "nonfinite.json";
  write_file_atomic(
      path, nlohmann::ordered_json{{"step", state_.step + 1}, {"samples", samples}}.dump() + "\n");
  throw NumericsError(
      fmt::format("the loss and its gradient must be finite, and at step {} the loss is {} and the "
                  "gradient's norm {} (lr {:.4g}, {}); the step was "
                  "not applied and the last checkpoint stands; lower optimizer.lr or try "
                  "train.precision: fp32 in another folder; the batch's images "
                  "are listed in '{}'",
                  state_.step + 1,
                  outcome.loss,
                  outcome.grad_norm,
                  outcome.lr,
                  state_.precision,
                  path.string()));
}

bool Trainer::diagnosed() const {
  const std::int64_t step = state_.step + 1;
  return step % kDiagnoseEverySteps == 0 || step % sampler_.steps_per_epoch() == 0;
}

void Trainer::judge(const StepOutcome& outcome) {
  const auto verdict = health_.observe({.step = state_.step,
                                        .loss = outcome.loss,
                                        .candidates = outcome.candidates,
                                        .dim = method_->embedding_dim(),
                                        .scalars = outcome.scalars});
  if (!verdict) return;
  if (recipe_.diagnostics.on_collapse == "stop")
    throw NumericsError(*verdict +
                        "; diagnostics.on_collapse: stop ends the run here, and its last "
                        "checkpoint stands");
  monitor_.progress().clear();
  log::warn("{}", *verdict);
}

void Trainer::record(const StepOutcome& outcome) {
  const std::int64_t per_epoch = sampler_.steps_per_epoch();
  const bool epoch_end = state_.step % per_epoch == 0;
  if (epoch_end) judge_loader();
  if (state_.step != 1 && state_.step % kLogEverySteps != 0 && !epoch_end) return;
  metrics::Record line{
      .step = state_.step,
      .values = {{"epoch", static_cast<double>(state_.step) / static_cast<double>(per_epoch)},
                 {"loss", outcome.loss},
                 {"lr", outcome.lr},
                 {"grad_norm", outcome.grad_norm}}};
  line.values.insert(line.values.end(), outcome.scalars.begin(), outcome.scalars.end());
  line.values.emplace_back("images_per_s", monitor_.images_per_s());
  line.values.emplace_back("data_wait", monitor_.data_wait());
  add_stages(line);
  line.values.emplace_back("time_s", monitor_.time_s());
  write(line);
}

void Trainer::write(const metrics::Record& line) {
  metrics_write_.attempt([&] { metrics_.write(line); });
  events_write_.attempt([&] {
    for (const auto& [name, value] : line.values)
      events_.scalar(line.step, name, static_cast<float>(value));
  });
}

void Trainer::judge_loader() {
  const data::Stages now = loader_->stages();
  const data::Stages epoch = now - judged_stages_;
  const bool filling = cache_ && judged_stages_.images == 0;  // what it reads now it keeps
  judged_stages_ = now;
  if (starving_told_ || filling) return;
  const auto verdict = starving_verdict(monitor_.data_wait(),
                                        epoch,
                                        {.threads = recipe_.train.workers.value(),
                                         .processors = cpu_count(),
                                         .cache = recipe_.data.cache});
  if (!verdict) return;
  starving_told_ = true;
  monitor_.progress().clear();
  log::warn("{}", *verdict);
}

void Trainer::add_stages(metrics::Record& line) {
  const data::Stages now = loader_->stages();
  const data::Stages recent = now - logged_stages_;
  if (recent.images == 0) return;
  const auto ms_per_image = [&](double seconds) {
    return 1e3 * seconds / static_cast<double>(recent.images);
  };
  line.values.emplace_back("read_ms", ms_per_image(recent.read_s));
  line.values.emplace_back("decode_ms", ms_per_image(recent.decode_s));
  line.values.emplace_back("augment_ms", ms_per_image(recent.augment_s));
  line.values.emplace_back("loader_idle", recent.idle());
  logged_stages_ = now;
}

void Trainer::note_full_cache() {
  if (!cache_ || full_cache_told_) return;
  const auto verdict = full_cache_verdict(cache_->use(), cache_->size(), recipe_.data.cache);
  if (!verdict) return;
  full_cache_told_ = true;
  monitor_.progress().clear();
  log::warn("{}", *verdict);
}

void Trainer::note_bad_images() {
  const std::span<const data::BadSample> bad = loader_->bad_samples();
  const std::size_t known = state_.bad_images.size();
  if (bad.size() == known) return;
  for (std::size_t i = known; i < std::min(bad.size(), kBadImagesTold); ++i) {
    monitor_.progress().clear();
    log::warn("image skipped, another takes its place: '{}': {}{}",
              bad[i].name,
              bad[i].reason,
              i + 1 == kBadImagesTold ? "; further ones are only listed" : "");
  }
  state_.bad_images.insert(state_.bad_images.end(), bad.begin() + std::ptrdiff_t(known), bad.end());
  const auto list = deps_.folder.path() / "bad_images.jsonl";
  other_writes_.attempt([&] { AppendFile(list).write(json_lines(bad.subspan(known))); });
  for (const data::BadSample& b : bad.subspan(known)) {
    if (recipe_.data.truncated == "fail" && image::kind_of(b.reason) == "truncated")
      throw DataError(fmt::format(
          "no image may be cut (data.truncated: fail), and '{}' is: {}; restore it, or set skip",
          b.name,
          b.reason));
  }
  if (const auto verdict = bad_images_verdict(
          state_.bad_images, sampler_.num_samples(), recipe_.data.max_bad_fraction, list.string()))
    throw DataError(*verdict);
}

bool Trainer::evaluation_due() const {
  if (!recipe::runs_knn(recipe_, deps_.data)) return false;
  const std::int64_t every = recipe_.knn.every_epochs * sampler_.steps_per_epoch();
  return state_.step > 0 && state_.evaluated_step != state_.step &&
         (state_.step % every == 0 || state_.step == total_steps_);
}

void Trainer::evaluate() {
  const Monitor::Pause pause(monitor_);
  monitor_.write_status("evaluating");
  const std::optional<double> trained = knn_top1(method_->evaluated());
  if (!trained) return;
  metrics::Record line{.step = state_.step, .values = {{"knn_top1", *trained}}};
  if (state_.knn_untrained < 0) {
    // The starting weights are a function of the seed: made again here, they cost the first step
    // nothing.
    const auto untrained = make_encoder();
    untrained->to(deps_.device);
    untrained->to_channels_last();
    const std::optional<double> before = knn_top1(*untrained);
    if (!before) return;
    state_.knn_untrained = *before;
    line.values.emplace_back("knn_top1_untrained", *before);
  }
  state_.knn = *trained;
  state_.evaluated_step = state_.step;
  write(line);
  monitor_.progress().clear();
  log::info("k-NN after epoch {}: {:.2f} % (untrained {:.2f} %)",
            state_.step / sampler_.steps_per_epoch(),
            100 * state_.knn,
            100 * state_.knn_untrained);
}

std::optional<double> Trainer::knn_top1(encoders::Encoder& encoder) const {
  const views::EvalTransform transform(pipeline_.crop_side(0), pipeline_.stats(0));
  const auto stopped = [] { return stop_signal() != 0; };
  eval::ExtractOptions options{.batch_size = kEvalBatch,
                               .precision = deps_.precision,
                               .device = deps_.device,
                               .samples = {},
                               .progress = {},
                               .stop = stopped};
  const auto query = eval::extract_features(encoder, *deps_.data.val, transform, options);
  const std::int64_t images = deps_.data.train->size();
  if (recipe_.knn.bank)
    options.samples = eval::draw_samples(images, std::min(*recipe_.knn.bank, images));
  const auto bank = eval::extract_features(encoder, *deps_.data.train, transform, options);
  if (stopped()) return std::nullopt;  // features of a part only: the resumed run evaluates
  return eval::knn(bank, query, {recipe_.knn.k}, {recipe_.knn.temperature}).table.front().top1;
}

checkpoint::Snapshot Trainer::snapshot() {
  state_.time_s = monitor_.time_s();
  return {.model = method_->named_state(),
          .optimizer = optimizer_->state(),
          .state = encode_state(state_)};
}

void Trainer::save_when_due() {
  const bool due = saver_.due(state_.step, monitor_.time_s());
  if (const auto trouble = saver_.take_trouble()) {
    deps_.folder.lock().require_held();
    monitor_.progress().clear();
    log::warn(
        "no checkpoint can be written, training goes on and will try again: {} ({} is the newest)",
        *trouble,
        saver_.newest().empty() ? "none" : saver_.newest());
  }
  monitor_.checkpoint_saved(saver_.newest());
  if (!due) return;
  const Monitor::Pause pause(monitor_);
  saver_.start(state_.step, snapshot(), monitor_.time_s());
}

void Trainer::watch_time_limit() {
  if (!job_end_) return;
  const double left_s = std::difftime(*job_end_, std::time(nullptr));
  if (left_s > kBeforeJobEndSeconds + 2 * saver_.write_s()) return;
  monitor_.progress().clear();
  log::info("the job's time ends in {:.0f} s: saving now", left_s);
  request_stop(SIGUSR1);
  job_end_.reset();
}

void Trainer::save() {
  const Monitor::Pause pause(monitor_);
  saver_.finish(state_.step, snapshot(), monitor_.time_s());
  monitor_.checkpoint_saved(saver_.newest());
}

void Trainer::sync_metrics() {
  try {
    metrics_.sync();
    sync_refused_ = false;
  } catch (const StorageError& e) {  // a checkpoint is worth more than the record before it
    if (!std::exchange(sync_refused_, true))
      log::warn("the lines of metrics.jsonl may be lost in a crash: {}", e.what());
  }
}

void Trainer::save_preview() {
  const std::int64_t rows = std::min(kPreviewRows, recipe_.train.batch_size);
  const image::Image grid = views::preview_grid(pipeline_, view_path_->first(rows), rows);
  const std::string png = image::encode_png(grid);
  other_writes_.attempt([&] {
    std::filesystem::create_directories(deps_.folder.path() / "previews");
    write_file_atomic(deps_.folder.path() / "previews" / "step-00000000.png", png);
  });
  events_write_.attempt([&] { events_.image(0, "views", grid.width, grid.height, png); });
}

}  // namespace sslrun::train
