// The published recipes: each builds at its full size, without memory for it, and its schedules are
// those of the official code.
#include "config/component.h"
#include "methods/method.h"
#include "methods/momentum.h"
#include "nn/init.h"
#include "optim/schedule.h"
#include "recipe/load.h"
#include "recipe/shipped.h"
#include "tests/support/torch_catch.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace sslrun;

const double kPi = std::acos(-1.0);
constexpr std::int64_t kCifar = 50000, kImageNet = 1281167;
// Parameters of the encoders, classifier left out: torchvision and timm (fixed positions are none).
constexpr std::int64_t kR18 = 11168832, kR50 = 23508032, kVitS = 21665664 - 197 * 384,
                       kVitB = 85798656 - 197 * 768;

/// A value at step s of S, `epoch` steps each.
using Formula = std::function<double(double s, double S, double epoch)>;

double half_cosine(double from, double to, double share) {
  return to + 0.5 * (from - to) * (1 + std::cos(kPi * share));
}

// solo-learn solo/utils/lr_scheduler.py LinearWarmupCosineAnnealingLR, 10 epochs from 3e-5, to 0.
Formula solo(double base) {
  return [=](double s, double S, double epoch) {
    const double W = 10 * epoch;
    if (s < W) return 3e-5 + s * (base - 3e-5) / (W - 1);
    return half_cosine(base, 0, (s - W) / (S - W));
  };
}

// The same with a mean of two losses in place of their sum: half the steps.
Formula half_of(const Formula& f) {
  return [=](double s, double S, double epoch) { return f(s, S, epoch) / 2; };
}

// moco main_moco.py adjust_learning_rate: lr *= 0.1 at each milestone, as RotNet and VISSL do; with
// --cos by the epoch, as in simsiam main_simsiam.py.
Formula steps(double base, const std::vector<double>& milestones, double gamma) {
  return [=](double s, double, double epoch) {
    double lr = base;
    for (const double milestone : milestones) lr *= std::floor(s / epoch) >= milestone ? gamma : 1;
    return lr;
  };
}

// vissl configs/config/pretrain/jigsaw: 0.025 to 0.1 over 5 epochs, then steps, by the epoch.
double jigsaw(double s, double S, double epoch) {
  const double e = std::floor(s / epoch);
  return e < 5 ? 0.025 + e / 5 * 0.075 : steps(0.1, {30, 60, 90, 100}, 0.1)(s, S, epoch);
}

Formula by_epoch(double base) {
  return [=](double s, double S, double epoch) {
    return base * 0.5 * (1 + std::cos(kPi * std::floor(s / epoch) / (S / epoch)));
  };
}

// moco-v3 main_moco.py adjust_learning_rate, by the fraction of an epoch; byol/utils/schedules.py.
Formula warm_cosine(double base, double warmup_epochs) {
  return [=](double s, double S, double epoch) {
    const double e = s / epoch, E = S / epoch;
    if (e < warmup_epochs) return base * e / warmup_epochs;
    return base * 0.5 * (1 + std::cos(kPi * (e - warmup_epochs) / (E - warmup_epochs)));
  };
}

// barlowtwins main.py adjust_learning_rate and vicreg main_vicreg.py.
Formula to_a_thousandth(double base) {
  return [=](double s, double S, double epoch) {
    const double W = 10 * epoch;
    if (s < W) return base * s / W;
    const double q = 0.5 * (1 + std::cos(kPi * (s - W) / (S - W)));
    return base * q + base * 0.001 * (1 - q);
  };
}

// lejepa MINIMAL.md: LinearLR from 0.01 of the rate over an epoch, then CosineAnnealingLR to 1e-3.
double lejepa(double s, double S, double epoch) {
  if (s < epoch) return 2e-3 * (0.01 + 0.99 * s / epoch);
  return half_cosine(2e-3, 1e-3, (s - epoch) / (S - epoch));
}

// SimMIM lr_scheduler.py MultiStepLRScheduler, rates times 4 in main_simmim.py, whose step_update comes
// after the step with its number.
double simmim(double s, double S, double epoch) {
  const double t = s > 0 ? s - 1 : 0, W = 10 * epoch;
  if (t < W) return 2e-6 + t / W * (4e-4 - 2e-6);
  return steps(4e-4, {700}, 0.1)(t, S, epoch);
}

// ijepa src/utils/schedulers.py, both with _step += 1 first.
double ijepa(double s, double S, double epoch) {
  const double t = s + 1, W = 40 * epoch;
  if (t < W) return 2e-4 + t / W * (1e-3 - 2e-4);
  return half_cosine(1e-3, 1e-6, (t - W) / (S - W));
}

double ijepa_decay(double s, double S, double) {
  return half_cosine(0.04, 0.4, (s + 1) / S);
}

// swav main_swav.py, dino utils.py cosine_scheduler, dinov2 utils/utils.py CosineScheduler:
// concatenate(linspace(start, base, W), final + 0.5 (base - final) (1 + cos(pi arange / (S - W)))).
Formula linspace(double start, double base, double final_lr, double warmup_epochs) {
  return [=](double s, double S, double epoch) {
    const double W = warmup_epochs * epoch;
    if (s < W) return start + s * (base - start) / (W - 1);
    return half_cosine(base, final_lr, (s - W) / (S - W));
  };
}

// The same scheduler without a warm-up.
double dino_decay(double s, double S, double) {
  return half_cosine(0.04, 0.4, s / S);
}

Formula constant(double value) {
  return [=](double, double, double) { return value; };
}

// byol byol_experiment.py and moco-v3: 1 - (1 - base) (cos(pi s / S) + 1) / 2; with another end as in
// solo-learn solo/utils/momentum.py.
Formula momentum_to(double base, double end = 1) {
  return [=](double s, double S, double) {
    return end - (end - base) * (std::cos(kPi * s / S) + 1) / 2;
  };
}

struct Published {
  std::string recipe;
  std::int64_t images, encoder;  // 0: no official number of parameters
  Formula lr;
  Formula weight_decay;
  Formula momentum = {};
  std::int64_t heads = 0;  // parameters of the trained heads where the official number is known
};

const std::vector<Published>& table() {
  static const std::vector<Published> rows = {
      {"moco-cifar10-resnet18", kCifar, kR18, by_epoch(0.06), constant(5e-4), constant(0.99)},
      {"moco-cifar10-resnet18-sololearn",
       kCifar,
       kR18,
       half_of(solo(0.3)),
       constant(2e-4),
       momentum_to(0.99, 0.999)},
      {"mocov3-cifar10-resnet18", kCifar, kR18, solo(0.3), constant(1e-6), momentum_to(0.99)},
      {"byol-cifar10-resnet18", kCifar, kR18, solo(1.0), constant(1e-5), momentum_to(0.99)},
      {"simsiam-cifar10-resnet18", kCifar, kR18, solo(0.5), constant(1e-5)},
      {"barlow_twins-cifar10-resnet18", kCifar, kR18, solo(0.3), constant(1e-4)},
      {"vicreg-cifar10-resnet18", kCifar, kR18, solo(0.3), constant(1e-4)},
      {"nnclr-cifar10-resnet18", kCifar, kR18, solo(0.4), constant(1e-5)},
      {"supcon-cifar10-resnet18", kCifar, kR18, solo(0.4), constant(1e-5)},
      // lightly's benchmark steps CosineAnnealingLR by the epoch.
      {"dcl-cifar10-resnet18", kCifar, kR18, by_epoch(0.06), constant(5e-4)},
      {"lejepa-imagenette-vits8", 9469, 0, lejepa, constant(0.05)},
      {"rotnet-cifar10-resnet18", kCifar, kR18, steps(0.1, {60, 120, 160}, 0.2), constant(5e-4)},
      {"jigsaw-imagenet-resnet50", kImageNet, kR50, jigsaw, constant(1e-4)},
      {"rotnet-imagenet-resnet50",
       kImageNet,
       kR50,
       steps(0.1, {30, 60, 90, 100}, 0.1),
       constant(1e-4)},
      {"mae-imagenet-vit-base16",
       kImageNet,
       kVitB,
       warm_cosine(2.4e-3, 40),
       constant(0.05),
       {},
       111655680 - kVitB},
      // Without positions, with layer scale and a bias of each head for 27 x 27 offsets and 3 more.
      {"simmim-imagenet-vit-base16",
       kImageNet,
       kVitB + 12 * 2 * 768 + (27 * 27 + 3) * 12,
       simmim,
       constant(0.05),
       {},
       768 * 768 + 768 + 768},
      {"ijepa-imagenet-vit-huge14", kImageNet, 630764800 - 258 * 1280, ijepa, ijepa_decay},
      {"swav-cifar10-resnet18", kCifar, kR18, solo(0.6), constant(1e-6)},
      {"swav-imagenet-resnet50", kImageNet, kR50, linspace(0.3, 4.8, 0.0048, 10), constant(1e-6)},
      {"deepcluster_v2-imagenet-resnet50",
       kImageNet,
       kR50,
       linspace(0.3, 4.8, 0.0048, 11),
       constant(1e-6)},
      {"dino-cifar10-resnet18", kCifar, kR18, solo(0.3), constant(1e-6), momentum_to(0.9995)},
      {"dino-imagenet-vit-small16",
       kImageNet,
       21665664,
       linspace(0, 1e-3, 1e-6, 10),
       dino_decay,
       momentum_to(0.996)},
      {"ibot-imagenet-vit-small16",
       kImageNet,
       21665664,
       linspace(0, 2e-3, 1e-6, 10),
       dino_decay,
       momentum_to(0.996)},
      {"dinov2-imagenet-vit-large16",
       kImageNet,
       0,
       linspace(0, 4e-3 * std::sqrt(2.0), 1e-6, 20),
       dino_decay,
       momentum_to(0.992)},
      {"simclr-cifar10-resnet18", kCifar, kR18, warm_cosine(2.0, 10), constant(1e-4)},
      {"simclr-imagenet-resnet50", kImageNet, kR50, warm_cosine(4.8, 10), constant(1e-4)},
      {"moco-imagenet-resnet50-v1",
       kImageNet,
       kR50,
       steps(0.03, {120, 160}, 0.1),
       constant(1e-4),
       constant(0.999),
       2048 * 128 + 128},
      {"moco-imagenet-resnet50-v2",
       kImageNet,
       kR50,
       by_epoch(0.03),
       constant(1e-4),
       constant(0.999)},
      {"mocov3-imagenet-resnet50",
       kImageNet,
       kR50,
       warm_cosine(9.6, 10),
       constant(1e-6),
       momentum_to(0.99)},
      {"mocov3-imagenet-vit-small16",
       kImageNet,
       kVitS,
       warm_cosine(2.4e-3, 40),
       constant(0.1),
       momentum_to(0.99)},
      {"byol-imagenet-resnet50",
       kImageNet,
       kR50,
       warm_cosine(3.2, 10),
       constant(1.5e-6),
       momentum_to(0.996),
       9449472 + 2109440},
      {"simsiam-imagenet-resnet50", kImageNet, kR50, by_epoch(0.1), constant(1e-4)},
      {"barlow_twins-imagenet-resnet50",
       kImageNet,
       kR50,
       to_a_thousandth(1.6),
       constant(1e-6),
       {},
       151027712},
      {"vicreg-imagenet-resnet50", kImageNet, kR50, to_a_thousandth(1.6), constant(1e-6)},
      {"nnclr-imagenet-resnet50", kImageNet, kR50, warm_cosine(4.8, 10), constant(1e-6)},
  };
  return rows;
}

recipe::Recipe load(const std::string& name) {
  const std::string path = SSLRUN_TEST_DIR "/../configs/" + name + ".yaml";
  const std::string data = "data={train: " SSLRUN_TEST_DIR ", val: " SSLRUN_TEST_DIR "}";
  return recipe::load_recipe(path, std::vector{data}).recipe;
}

/// The key in the optimizer's or the method's section, or `other` where it is not there or auto.
double key(const recipe::Recipe& r, const char* section, const char* name, double other) {
  const auto values = nlohmann::json::parse(recipe::resolved_json(r))[section];
  return values.contains(name) && values[name].is_number() ? values[name].get<double>() : other;
}

double weight_decay(const recipe::Recipe& r, const optim::StepRates& rates) {
  const double start = key(r, "optimizer", "weight_decay", NAN);
  return optim::cosine(start, key(r, "optimizer", "weight_decay_end", start), rates.share);
}

double momentum(const recipe::Recipe& r, const methods::Progress& progress) {
  const double start = key(r, "method", "momentum", NAN);
  if (r.method.name != "moco") return methods::cosine_momentum(start, progress);
  return optim::cosine(
      start,
      key(r, "method", "momentum_end", start),
      static_cast<double>(progress.step) / static_cast<double>(progress.total_steps));
}

std::int64_t size(const nn::NamedTensors& tensors) {
  std::int64_t sum = 0;
  for (const auto& [name, tensor] : tensors) sum += tensor.numel();
  return sum;
}

std::string text_of(const std::filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

bool has_number(const recipe::ShippedRecipe& shipped) {
  return text_of(shipped.path).find("\n# published: none") == std::string::npos;
}

}  // namespace

TEST_CASE("published recipes: the schedule is the official code's", "[methods][published]") {
  for (const Published& row : table()) {
    INFO(row.recipe);
    const recipe::Recipe r = load(row.recipe);
    const std::int64_t epoch = row.images / r.train.batch_size, S = epoch * r.schedule.epochs;
    const optim::Schedule schedule(r.schedule, r.learning_rate.peak(r.train.batch_size), epoch);
    for (const std::int64_t s : {std::int64_t{0}, S / 150, S / 10, S / 2, S - 1}) {
      INFO("step " << s << " of " << S);
      const double e = static_cast<double>(epoch), all = static_cast<double>(S),
                   at = static_cast<double>(s);
      // Two ways to round: 4e-16 of the peak, times 4.
      CHECK(schedule.lr(s) == Approx(row.lr(at, all, e)).epsilon(1e-12).margin(1e-14));
      CHECK(weight_decay(r, schedule.at(s)) == Approx(row.weight_decay(at, all, e)).epsilon(1e-14));
      if (row.momentum)
        CHECK(momentum(r, {s, S, epoch}) == Approx(row.momentum(at, all, e)).epsilon(1e-14));
    }
  }
}

TEST_CASE("published recipes: configs/README.md lists them", "[methods][published]") {
  const std::string readme = text_of(SSLRUN_TEST_DIR "/../configs/README.md");
  for (const Published& row : table())
    CHECK_THAT(readme, Catch::Contains("| " + row.recipe + " |"));
}

TEST_CASE("published recipes: each builds at its full size", "[methods][published]") {
  const nn::ShapesOnly no_memory;
  for (const recipe::ShippedRecipe& shipped :
       recipe::shipped_recipes(SSLRUN_TEST_DIR "/../configs")) {
    if (!has_number(shipped)) continue;
    INFO(shipped.name);
    const recipe::Recipe r = load(shipped.name);
    const auto method = methods::make_method(
        r.method,
        {.make_encoder = [&] { return encoders::make_encoder(r.encoder, 0, r.data.channels); },
         .seed = 0,
         .train_images = kImageNet});
    CHECK(method->encoder().width() > 0);
    bool listed = false;
    for (const Published& row : table()) {
      if (row.recipe != shipped.name) continue;
      listed = true;
      if (row.encoder > 0) CHECK(size(method->encoder().named_weights()) == row.encoder);
      const std::int64_t heads =
          size(method->named_parameters()) - size(method->encoder().named_parameters());
      if (row.heads > 0) CHECK(heads == row.heads);
    }
    if (!listed)
      std::printf("SKIPPED: the schedule of %s: its formula is not in the table\n",
                  shipped.name.c_str());
  }
}
