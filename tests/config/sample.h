// A small config with every kind of key.
#pragma once
#include "config/fields.h"

namespace sslrun::config::sample {

inline constexpr std::array<std::string_view, 2> kDecays = {"cosine", "constant"};

struct Flip final : Component {
  double p = 0.5;

  void bind(Fields& f) override {
    f.shorthand("p");
    f.real("p", p, {.min = 0, .max = 1}, "probability to mirror");
  }
};

struct Blur final : Component {
  std::array<double, 2> sigma{0.1, 2.0};
  std::optional<std::int64_t> kernel_size;

  void bind(Fields& f) override {
    f.range("sigma", sigma, {.min = 0, .open_min = true}, "width in pixels");
    f.integer_or_auto("kernel_size", kernel_size, {.min = 1}, "taps");
    f.check("kernel_size", !kernel_size || *kernel_size % 2 == 1, "must be odd", "use one more");
  }
};

template <class T>
std::unique_ptr<Component> make() {
  return std::make_unique<T>();
}

inline Registry ops() {
  static const ComponentSpec flip{"flip", "mirrors", "", make<Flip>},
      blur{"blur", "blurs", "", make<Blur>};
  static const ComponentSpec* const specs[] = {&flip, &blur};
  return specs;
}

struct Sgd final : Component {
  double momentum = 0.9;

  void bind(Fields& f) override {
    f.real("momentum", momentum, {.min = 0, .max = 1, .open_max = true}, "momentum");
  }
};

inline Registry optimizers() {
  static const ComponentSpec sgd{"sgd", "steps", "", make<Sgd>};
  static const ComponentSpec* const specs[] = {&sgd};
  return specs;
}

struct Group {
  std::int64_t views = 2;
  std::vector<NamedComponent> ops;
};

struct Sample {
  double temperature = 0.1;
  std::int64_t epochs = 100, warmup_epochs = 10;
  bool shuffle = true;
  std::string title, train, decay = "cosine";
  std::vector<double> mean;
  std::optional<std::int64_t> workers;
  bool has_knn = true;
  std::int64_t k = 20;
  std::vector<Group> groups;
  NamedComponent optimizer;
  double lr = 0.3;
  std::optional<double> decay_end;

  void bind(Fields& f) {
    f.real("temperature", temperature, {.min = 0, .open_min = true}, "softmax temperature");
    f.text("title", title, "a name");
    f.reals("mean", mean, {.min = 0, .max = 1}, "channel means");
    f.required("data");
    f.section("data", "the images", [this](Fields& s) {
      s.required("train");
      s.path("train", train, "images to learn from");
      s.boolean("shuffle", shuffle, "in another order every epoch");
      s.integer_or_auto("workers", workers, {.min = 1, .max = 64}, "decode threads");
    });
    f.section("schedule", "learning rate over time", [this](Fields& s) {
      s.integer("epochs", epochs, {.min = 1, .max = 1000}, "passes over the images");
      s.integer("warmup_epochs", warmup_epochs, {.min = 0}, "epochs of warm-up");
      s.choice("decay", decay, kDecays, "what follows the warm-up");
      s.check("warmup_epochs",
              warmup_epochs <= epochs,
              "must be at most schedule.epochs",
              "shorten the warm-up");
    });
    f.optional_section("knn", has_knn, "evaluation", [this](Fields& s) {
      s.integer("k", k, {.min = 1}, "neighbours");
    });
    f.list("groups", "groups of views", groups.size(), [this](Fields& s, std::size_t i) {
      if (i >= groups.size()) groups.resize(i + 1);
      s.integer("views", groups[i].views, {.min = 1}, "views of each image");
      s.components("ops", groups[i].ops, sample::ops(), "operations in order");
    });
    f.required("optimizer");
    f.component(
        "optimizer", "name", optimizer, optimizers(), "how the weights move", [this](Fields& s) {
          s.real("lr", lr, {.min = 0}, "learning rate");
          s.real_or_auto("decay_end", decay_end, {.min = 0}, "decay at the end");
        });
  }

  Body body() {
    return [this](Fields& f) { bind(f); };
  }
};

inline constexpr const char* kGood = R"(temperature: 0.2
data: {train: x, shuffle: false, workers: 4}
schedule:
  epochs: 20
  warmup_epochs: 0x2
groups:
  - views: 2
    ops:
      - flip: 0.25
      - blur
      - blur: {sigma: [1, 2], kernel_size: 23}
  - {views: 1, ops: [flip]}
optimizer: {name: sgd, lr: 1e-1, momentum: 0.8, decay_end: 0.25}
)";

}  // namespace sslrun::config::sample
