#include "methods/trained_parameters.h"

#include "recipe/recipe.h"
#include "tests/support/torch_catch.h"

#include <ATen/ops/ones.h>

#include <map>
#include <string>

namespace {

using namespace sslrun;

/// Two blocks between patches and norm: four layers.
class Layers final : public encoders::Encoder {
 public:
  Layers() {
    for (const char* name :
         {"pos_embed", "patch_embed.weight", "blocks.0.weight", "blocks.1.weight", "norm.weight"})
      register_parameter(name, at::ones({2}));
  }

  at::Tensor forward(const at::Tensor& x) const override { return x; }

  std::int64_t width() const override { return 2; }

  std::int64_t layer_of(std::string_view name) const override {
    return name.starts_with("blocks.0")   ? 1
           : name.starts_with("blocks.1") ? 2
           : name == "norm.weight"        ? 3
                                          : 0;
  }

  std::int64_t num_layers() const override { return 4; }
};

class Headed final : public methods::Method {
 public:
  Headed() : Method(std::make_unique<Layers>()) {
    register_parameter("patch_embed.weight", at::ones({2}));
  }

  methods::StepResult forward(std::span<const at::Tensor>, const methods::StepContext&) override {
    return {};
  }

  std::int64_t embedding_dim() const override { return 2; }

  optim::ParameterRule rule(std::string_view name, std::int64_t steps_per_epoch) const override {
    if (name != "encoder.blocks.0.weight") return {};
    return {.lr_scale = 0.5, .constant_lr = true, .frozen_steps = 3 * steps_per_epoch};
  }
};

}  // namespace

TEST_CASE("trained parameters: rates fall with depth, on top of the method's own rules",
          "[methods][optim]") {
  const Headed method;
  const recipe::LearningRate keys{.layer_decay = 0.5, .patch_embed_lr_scale = 0.25};
  std::map<std::string, optim::ParameterRule> rules;
  for (const optim::Trained& trained : methods::trained_parameters(method, keys, 7))
    rules[trained.name] = trained.rule;
  REQUIRE(rules.size() == 6);
  CHECK(rules["encoder.pos_embed"].lr_scale == 0.125);
  CHECK(rules["encoder.patch_embed.weight"].lr_scale == 0.125 * 0.25);
  CHECK(rules["encoder.blocks.0.weight"].lr_scale == 0.25 * 0.5);
  CHECK(rules["encoder.blocks.1.weight"].lr_scale == 0.5);
  CHECK(rules["encoder.norm.weight"].lr_scale == 1);
  CHECK(rules["patch_embed.weight"].lr_scale == 1);  // of a head that has one
  CHECK(rules["encoder.blocks.0.weight"].constant_lr);
  CHECK(rules["encoder.blocks.0.weight"].frozen_steps == 21);
  CHECK_FALSE(rules["encoder.blocks.1.weight"].constant_lr);
}
