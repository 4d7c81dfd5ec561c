#include "methods/trained_parameters.h"

#include "recipe/recipe.h"

#include <cmath>
#include <string_view>

namespace sslrun::methods {
namespace {

double lr_scale(const encoders::Encoder& encoder,
                std::string_view name,
                const recipe::LearningRate& keys) {
  constexpr std::string_view kPrefix = "encoder.";
  if (!name.starts_with(kPrefix)) return 1;
  const std::string_view inside = name.substr(kPrefix.size());
  const std::int64_t above = encoder.num_layers() - 1 - encoder.layer_of(inside);
  return std::pow(keys.layer_decay, static_cast<double>(above)) *
         (inside.starts_with("patch_embed.") ? keys.patch_embed_lr_scale : 1);
}

}  // namespace

std::vector<optim::Trained> trained_parameters(const Method& method,
                                               const recipe::LearningRate& keys,
                                               std::int64_t steps_per_epoch) {
  std::vector<optim::Trained> out;
  for (const auto& [name, tensor] : method.named_parameters()) {
    optim::ParameterRule rule = method.rule(name, steps_per_epoch);
    rule.lr_scale *= lr_scale(method.encoder(), name, keys);
    out.push_back({name, tensor, rule});
  }
  return out;
}

}  // namespace sslrun::methods
