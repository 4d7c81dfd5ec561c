#include "train/trainer.h"

#include "base/append_file.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/stop_signal.h"
#include "dist/exchange.h"
#include "image/bad_image.h"
#include "image/png_write.h"
#include "methods/method_config.h"
#include "methods/trained_parameters.h"
#include "nn/batch_norm.h"
#include "ops/step.h"
#include "optim/clip.h"
#include "train/bad_images.h"
#include "train/diagnose.h"
#include "train/image_cache.h"
#include "train/knn_eval.h"
#include "views/preview.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <ctime>
#include <limits>
#include <span>
#include <utility>

namespace sslrun::train {
namespace {

constexpr std::int64_t kLogEverySteps = 10;
constexpr std::int64_t kDiagnoseEverySteps = 50;  // a multiple: their scalars are logged
constexpr std::int64_t kPreviewRows = 8;
constexpr std::size_t kBadImagesTold = 5;
constexpr double kBeforeJobEndSeconds = 60;  // and twice what a save takes

std::filesystem::path path_of(const RunFolder* folder) {
  return folder == nullptr ? std::filesystem::path() : folder->path();
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
      view_path_(make_view_path(pipeline_,
                                recipe_,
                                recipe_.train.batch_size / deps.world.size(),
                                deps.device)),
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
      copies_(deps.device),
      monitor_(path_of(deps.folder),
               {total_steps_,
                sampler_.steps_per_epoch(),
                recipe_.schedule.epochs,
                recipe_.train.batch_size},
               state_.step,
               state_.time_s),
      metrics_write_("metrics.jsonl", monitor_.progress()),
      events_write_("the TensorBoard record", monitor_.progress()),
      other_writes_("a file beside the checkpoints", monitor_.progress()),
      needs_labels_(recipe::method_config(recipe_)->view_needs().labels),
      health_(recipe::method_config(recipe_)->collapse_advice()) {
  if (deps.folder != nullptr) {
    const std::filesystem::path& folder = deps.folder->path();
    metrics_.emplace(folder / "metrics.jsonl", state_.step, state_.evaluated_step);
    events_.emplace(folder / "tensorboard");
    saver_.emplace(
        checkpoint::CheckpointStore(folder,
                                    recipe_.checkpoint.keep_last,
                                    [&lock = deps.folder->lock()] { lock.require_held(); }),
        SaveInterval{.steps = recipe_.checkpoint.every_epochs * sampler_.steps_per_epoch(),
                     .seconds = 60 * recipe_.checkpoint.every_minutes},
        Saver::Start{.newest = snapshot != nullptr ? checkpoint::name_of(state_.step) : "",
                     .now_s = monitor_.time_s()},
        [this] { sync_metrics(); });
  }
  method_->to(deps.device);
  method_->to_channels_last();
  optimizer_ = optim::make_optimizer(
      recipe_.optimizer,
      methods::trained_parameters(*method_, recipe_.learning_rate, sampler_.steps_per_epoch()));
  for (const auto& [name, parameter] : method_->named_parameters())
    parameters_.push_back(parameter);
  if (deps.world.size() > 1) {
    method_->for_each([&](nn::Module& part) {
      if (auto* norm = dynamic_cast<nn::BatchNorm*>(&part)) norm->synchronize(&deps_.world);
    });
    const bool narrow = recipe_.train.grad_reduce == "bf16";
    reducer_ = std::make_unique<dist::GradientReducer>(
        parameters_,
        deps_.world,
        dist::GradientReducer::Options{.type = narrow ? at::kBFloat16 : at::kFloat});
  }
  if (snapshot != nullptr) {
    nn::load_state(*method_, snapshot->model);
    optimizer_->load_state(snapshot->optimizer);
  }
  if (recipe_.train.on_nonfinite == "skip") kept_.emplace(method_->named_buffers());
  monitor_.left_out(state_.left_out.size());
  warn_of_low_memory();
  if (state_.step < total_steps_) {
    cache_ = make_cache(recipe_.data, *deps.data.train, deps.ranks_here);
    const data::Source& images = cache_ ? static_cast<data::Source&>(*cache_) : *deps.data.train;
    const data::LoaderOptions options{.threads = recipe_.train.workers.value(),
                                      .rank = deps.world.rank(),
                                      .ranks = deps.world.size(),
                                      .micro_batches = recipe_.train.accumulate,
                                      .start_step = state_.step,
                                      .end_step = total_steps_,
                                      .known_bad = state_.bad_images,
                                      .memory = ops::batch_memory(deps.device)};
    loader_ = std::make_unique<data::Loader>(images, sampler_, view_path_->work(), options);
    loader_watch_.emplace(*loader_, cache_.get(), recipe_);
    told_bad_ = state_.bad_images.size();
    // What was listed after the checkpoint is found again.
    const auto list = path_of(deps.folder) / "bad_images.jsonl";
    other_writes_.attempt([&] {
      if (deps_.folder != nullptr && std::filesystem::exists(list))
        write_file_atomic(list, list_lines(state_.bad_images));
    });
  }
}

void Trainer::warn_of_low_memory() {
  if (!saver_) return;
  std::int64_t bytes = 0;
  for (const auto& tensors : {method_->named_state(), optimizer_->state()})
    for (const auto& [name, tensor] : tensors) bytes += static_cast<std::int64_t>(tensor.nbytes());
  warn_if(low_memory_verdict(bytes, free_memory()));
}

void Trainer::note_failure(const std::string& reason) {
  monitor_.progress().clear();
  if (deps_.folder == nullptr || deps_.folder->lock().held()) monitor_.write_failure(reason);
}

int Trainer::run() {
  agree(nullptr);
  if (evaluation_due()) {  // stopped between the step and its evaluation
    evaluate();
    save();
  }
  while (state_.step < total_steps_ && agreed_.signal == 0) {
    watch_time_limit();
    const data::Batch& batch = next_batch();
    if (state_.step == 0) save_preview();
    const StepOutcome outcome = take_step(batch);
    ++state_.step;
    if (deps_.folder != nullptr && !deps_.folder->lock().held())
      deps_.folder->lock().require_held();
    monitor_.step_done(state_.step, outcome.loss, outcome.lr, loader_->stages().wait_s);
    if (outcome.applied()) {
      record(outcome);
      judge(outcome);
    }
    note_bad_images();
    warn_if(loader_watch_->cache_verdict());
    if (agreed_.signal == 0 && evaluation_due()) evaluate();
    if (agreed_.signal == 0 && state_.step < total_steps_) save_when_due();
  }
  save();
  monitor_.write_status(agreed_.signal != 0 ? "stopped" : "done");
  deps_.world.barrier();  // no rank says that all is well before the first has saved
  return agreed_.signal;
}

void Trainer::agree(StepOutcome* outcome) {
  std::vector<double> own = {static_cast<double>(stop_signal()),
                             loader_ && loader_->bad_samples().size() > told_bad_ ? 1.0 : 0.0};
  const std::size_t first = own.size();
  if (outcome != nullptr) {
    own.push_back(outcome->loss);
    for (const auto& [name, value] : outcome->scalars) own.push_back(value);
  }
  const auto all = dist::exchange(own, deps_.world, deps_.device);
  agreed_ = {};
  std::vector<double> means(own.size());
  for (const std::vector<double>& rank : all) {
    agreed_.signal = std::max(agreed_.signal, static_cast<int>(rank[0]));
    agreed_.new_bad = agreed_.new_bad || rank[1] != 0;
    for (std::size_t i = first; i < own.size(); ++i)
      means[i] += rank[i] / static_cast<double>(all.size());
  }
  if (outcome == nullptr) return;
  outcome->loss = means[first];
  for (std::size_t i = 0; i < outcome->scalars.size(); ++i)
    outcome->scalars[i].second = means[first + 1 + i];
}

const data::Batch& Trainer::next_batch() {
  deps_.world.report(state_.step + 1, "waiting for images");
  copies_.wait();  // the loader's threads fill the batch anew
  const data::Batch& batch = loader_->next();
  deps_.world.report(state_.step + 1, "computing");
  view_path_->load(batch);
  return batch;
}

Trainer::Replayed Trainer::replay(std::int64_t step) {
  for (;;) {
    const data::Batch& batch = next_batch();
    if (state_.step + 1 == step) {
      const StepOutcome outcome = train_step(batch);
      return {outcome.loss, outcome.grad_norm, outcome.lr, batch.samples};
    }
    take_step(batch);
    ++state_.step;
  }
}

std::unique_ptr<encoders::Encoder> Trainer::make_encoder() const {
  return encoders::make_encoder(
      recipe_.encoder, static_cast<std::uint32_t>(recipe_.train.seed), recipe_.data.channels);
}

MicroBatch Trainer::micro_batch(const data::Batch& batch, std::int64_t m) {
  const std::int64_t images =
      recipe_.train.batch_size / recipe_.train.accumulate / deps_.world.size();
  const std::int64_t first = m * images;
  MicroBatch out;
  for (std::int64_t v = 0; v < pipeline_.num_views(); ++v) {
    const std::int64_t num_targets = pipeline_.form(v).targets;
    out.views.push_back(view_path_->view(v, first, images));
    out.targets.push_back(
        ops::classes_to(batch.targets[static_cast<std::size_t>(v)].data() + first * num_targets,
                        images,
                        num_targets,
                        deps_.device));
  }
  out.samples = std::span(batch.samples).subspan(std::size_t(first), std::size_t(images));
  if (needs_labels_) {
    out.labels = ops::classes_to(batch.labels.data() + first, images, 1, deps_.device).view({-1});
  }
  copies_.record();
  return out;
}

methods::Progress Trainer::step_progress() const {
  return {state_.step, total_steps_, sampler_.steps_per_epoch()};
}

Trainer::StepOutcome Trainer::take_step(const data::Batch& batch) {
  if (state_.left_out.contains(state_.step + 1)) return leave_out();
  StepOutcome outcome = train_step(batch);
  if (!outcome.applied()) refuse(outcome, batch);
  return outcome;
}

Trainer::StepOutcome Trainer::leave_out() {
  copies_.record();  // those that next_batch() has begun
  method_->before_step(step_progress());
  agree(nullptr);
  return {.loss = std::numeric_limits<double>::quiet_NaN(), .lr = schedule_.at(state_.step).lr};
}

Trainer::StepOutcome Trainer::train_step(const data::Batch& batch) {
  StepOutcome outcome;
  const optim::StepRates rates = schedule_.at(state_.step);
  outcome.lr = rates.lr;
  outcome.weight_decay = optimizer_->weight_decay(rates.share);
  const methods::Progress progress = step_progress();
  method_->before_step(progress);
  if (kept_) kept_->keep();
  optimizer_->zero_grad();
  const StepPasses passes{.method = *method_,
                          .world = deps_.world,
                          .device = deps_.device,
                          .precision = deps_.precision,
                          .seed = static_cast<std::uint32_t>(recipe_.train.seed),
                          .progress = progress,
                          .diagnose = diagnosed(),
                          .micro_batches = recipe_.train.accumulate,
                          .micro_batch = [&](std::int64_t m) { return micro_batch(batch, m); },
                          .before_last =
                              [this] {
                                if (reducer_) reducer_->expect();
                              }};
  // One micro-batch has all negatives in a single pass.
  const bool full = recipe_.train.accumulate_negatives == "full" && recipe_.train.accumulate > 1;
  StepLoss computed = full ? accumulate_full(passes) : accumulate_micro(passes);
  outcome.loss = computed.loss;
  methods::StepResult& result = computed.result;
  for (const auto& [name, scalar] : result.scalars)
    outcome.scalars.emplace_back(name, ops::value(scalar));
  outcome.candidates = result.candidates;
  outcome.guessing_scale = result.guessing_scale;
  if (diagnosed()) {
    for (at::Tensor& rows_ND : result.embeddings)
      rows_ND = deps_.world.all_gather(rows_ND.detach());
    const auto described = describe(result.embeddings);
    outcome.scalars.insert(outcome.scalars.end(), described.begin(), described.end());
  }
  if (reducer_) reducer_->finish();
  outcome.grad_norm = ops::gradient_norm(parameters_);
  agree(&outcome);
  if (!outcome.applied()) {
    if (kept_) kept_->put_back();
    method_->forget_step();
    return outcome;
  }
  if (recipe_.has_clip) optim::clip_gradients(method_->named_parameters(), recipe_.clip);
  optimizer_->step(rates, method_->following(progress));
  method_->after_step(progress);
  return outcome;
}

void Trainer::refuse(const StepOutcome& outcome, const data::Batch& batch) {
  const std::int64_t step = state_.step + 1;
  // Those of every rank.
  const at::Tensor own = ops::classes_to(
      batch.samples.data(), static_cast<std::int64_t>(batch.samples.size()), 1, deps_.device);
  const at::Tensor all = deps_.world.all_gather(own).cpu();
  const auto* const first = all.const_data_ptr<std::int64_t>();
  const std::vector<std::int64_t> samples(first, first + all.numel());
  const auto path = path_of(deps_.folder) / "nonfinite.json";
  if (deps_.folder != nullptr) {
    other_writes_.attempt([&] {
      const nlohmann::ordered_json list = {{"step", step}, {"samples", samples}};
      write_file_atomic(path, list.dump() + "\n");
    });
  }
  state_.left_out.insert(step);
  monitor_.left_out(state_.left_out.size());
  const std::string told = after_nonfinite(
      recipe_.train.on_nonfinite,
      state_.left_out,
      {step, outcome.loss, outcome.grad_norm, outcome.lr, state_.precision, path.string()});
  if (!told.empty()) warn(told);
}

bool Trainer::diagnosed() const {
  const std::int64_t step = state_.step + 1;
  return step % kDiagnoseEverySteps == 0 || step % sampler_.steps_per_epoch() == 0;
}

void Trainer::judge(const StepOutcome& outcome) {
  warn_if(spikes_.observe(state_.step, outcome.loss, outcome.grad_norm));
  const auto verdict = health_.observe({.step = state_.step,
                                        .loss = outcome.loss,
                                        .candidates = outcome.candidates,
                                        .guessing_scale = outcome.guessing_scale,
                                        .dim = method_->embedding_dim(),
                                        .scalars = outcome.scalars});
  if (!verdict) return;
  if (recipe_.diagnostics.on_collapse == "stop")
    throw NumericsError(*verdict +
                        "; diagnostics.on_collapse: stop ends the run here, and its last "
                        "checkpoint stands");
  warn(*verdict);
}

void Trainer::record(const StepOutcome& outcome) {
  const std::int64_t per_epoch = sampler_.steps_per_epoch();
  const bool epoch_end = state_.step % per_epoch == 0;
  if (epoch_end) warn_if(loader_watch_->epoch_verdict(monitor_.data_wait()));
  if (state_.step != 1 && state_.step % kLogEverySteps != 0 && !epoch_end) return;
  metrics::Record line{
      .step = state_.step,
      .values = {{"epoch", static_cast<double>(state_.step) / static_cast<double>(per_epoch)},
                 {"loss", outcome.loss},
                 {"lr", outcome.lr},
                 {"weight_decay", outcome.weight_decay},
                 {"momentum", optimizer_->momentum()},
                 {"grad_norm", outcome.grad_norm}}};
  line.values.insert(line.values.end(), outcome.scalars.begin(), outcome.scalars.end());
  line.values.emplace_back("images_per_s", monitor_.images_per_s());
  line.values.emplace_back("data_wait", monitor_.data_wait());
  loader_watch_->add_stages(line);
  if (!state_.left_out.empty())
    line.values.emplace_back("left_out", static_cast<double>(state_.left_out.size()));
  line.values.emplace_back("time_s", monitor_.time_s());
  write(line);
}

void Trainer::write(const metrics::Record& line) {
  if (deps_.folder == nullptr) return;
  metrics_write_.attempt([&] { metrics_->write(line); });
  events_write_.attempt([&] {
    for (const auto& [name, value] : line.values)
      events_->scalar(line.step, name, static_cast<float>(value));
  });
}

void Trainer::warn(const std::string& line) {
  if (deps_.folder == nullptr) return;
  monitor_.progress().clear();
  log::warn("{}", line);
}

void Trainer::warn_if(const std::optional<std::string>& verdict) {
  if (verdict) warn(*verdict);
}

void Trainer::note_bad_images() {
  if (!agreed_.new_bad) return;
  const auto own = std::span(loader_->bad_samples()).subspan(told_bad_);
  const auto bad = met_by_any(own, state_.bad_images, deps_.world, deps_.device);
  told_bad_ += own.size();
  const std::size_t known = state_.bad_images.size();
  for (std::size_t i = known; i < std::min(known + bad.size(), kBadImagesTold); ++i) {
    const data::BadSample& b = bad[i - known];
    warn(fmt::format("image skipped, another takes its place: '{}': {}{}",
                     b.name,
                     b.reason,
                     i + 1 == kBadImagesTold ? "; further ones are only listed" : ""));
  }
  state_.bad_images.insert(state_.bad_images.end(), bad.begin(), bad.end());
  const auto list = path_of(deps_.folder) / "bad_images.jsonl";
  if (deps_.folder != nullptr)
    other_writes_.attempt([&] { AppendFile(list).write(list_lines(bad)); });
  for (const data::BadSample& b : bad) {
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
  deps_.world.report(state_.step, "evaluating");
  const std::optional<FeatureScore> trained = score_features(method_->evaluated(), deps_);
  if (!trained) return agree(nullptr);
  metrics::Record line{.step = state_.step, .values = {{"knn_top1", trained->knn_top1}}};
  line.values.insert(line.values.end(), trained->ranks.begin(), trained->ranks.end());
  if (state_.knn_untrained < 0) {
    // The starting weights are a function of the seed: made again here, they cost the first step
    // nothing.
    const auto untrained = make_encoder();
    untrained->to(deps_.device);
    untrained->to_channels_last();
    const std::optional<FeatureScore> before = score_features(*untrained, deps_);
    if (!before) return agree(nullptr);
    state_.knn_untrained = before->knn_top1;
    line.values.emplace_back("knn_top1_untrained", before->knn_top1);
    for (const auto& [name, value] : before->ranks)
      line.values.emplace_back(name + "_untrained", value);
  }
  state_.knn = trained->knn_top1;
  state_.evaluated_step = state_.step;
  write(line);
  if (deps_.folder == nullptr) return;
  monitor_.progress().clear();
  log::info("k-NN after epoch {}: {:.2f} % (untrained {:.2f} %)",
            state_.step / sampler_.steps_per_epoch(),
            100 * state_.knn,
            100 * state_.knn_untrained);
}

checkpoint::Snapshot Trainer::snapshot() {
  state_.time_s = monitor_.time_s();
  return {.model = method_->named_state(),
          .optimizer = optimizer_->state(),
          .state = encode_state(state_)};
}

void Trainer::save_when_due() {
  if (!saver_) return;
  const bool due = saver_->due(state_.step, monitor_.time_s());
  if (const auto trouble = saver_->take_trouble()) {
    deps_.folder->lock().require_held();
    warn(fmt::format(
        "no checkpoint can be written, training goes on and will try again: {} ({} is the newest)",
        *trouble,
        saver_->newest().empty() ? "none" : saver_->newest()));
  }
  monitor_.checkpoint_saved(saver_->newest());
  if (!due) return;
  const Monitor::Pause pause(monitor_);
  deps_.world.report(state_.step, "copying its state for a checkpoint");
  saver_->start(state_.step, snapshot(), monitor_.time_s());
}

void Trainer::watch_time_limit() {
  if (!job_end_ || !saver_) return;
  const double left_s = std::difftime(*job_end_, std::time(nullptr));
  if (left_s > kBeforeJobEndSeconds + 2 * saver_->write_s()) return;
  monitor_.progress().clear();
  log::info("the job's time ends in {:.0f} s: saving now", left_s);
  request_stop(SIGUSR1);
  job_end_.reset();
}

void Trainer::save() {
  if (!saver_) return;
  const Monitor::Pause pause(monitor_);
  deps_.world.report(state_.step, "saving");
  saver_->finish(state_.step, snapshot(), monitor_.time_s());
  monitor_.checkpoint_saved(saver_->newest());
}

void Trainer::sync_metrics() {
  try {
    metrics_->sync();
    sync_refused_ = false;
  } catch (const StorageError& e) {  // a checkpoint is worth more than the record before it
    if (!std::exchange(sync_refused_, true))
      log::warn("the lines of metrics.jsonl may be lost in a crash: {}", e.what());
  }
}

void Trainer::save_preview() {
  if (deps_.folder == nullptr) return;
  const std::int64_t rows = std::min(kPreviewRows, recipe_.train.batch_size / deps_.world.size());
  const image::Image grid = views::preview_grid(pipeline_, view_path_->first(rows), rows);
  const std::string png = image::encode_png(grid);
  other_writes_.attempt([&] {
    std::filesystem::create_directories(deps_.folder->path() / "previews");
    write_file_atomic(deps_.folder->path() / "previews" / "step-00000000.png", png);
  });
  events_write_.attempt([&] { events_->image(0, "views", grid.width, grid.height, png); });
}

}  // namespace sslrun::train
