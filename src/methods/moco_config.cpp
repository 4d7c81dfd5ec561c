#include "methods/moco_config.h"

#include "config/fields.h"

#include <fmt/format.h>

namespace sslrun::methods {

void MoCoConfig::bind(config::Fields& fields) {
  fields.real("temperature",
              temperature,
              {.min = 0, .open_min = true},
              "softmax temperature: 0.07 v1, 0.2 v2, 0.1 CIFAR-10");
  fields.real("momentum", momentum, {.min = 0, .max = 1}, "of the key network");
  fields.real_or_auto("momentum_end",
                      momentum_end,
                      {.min = 0, .max = 1},
                      "what momentum moves to along a cosine: 0.999 solo-learn; auto: it stays");
  fields.integer("queue", queue, {.min = 1}, "keys of past batches that queries are told from");
  fields.integer("output_dim", output_dim, {.min = 1}, "width of the embedding");
  fields.boolean("mlp", mlp, "a head of two layers (v2) instead of one (v1)");
  fields.integer_or_auto(
      "hidden_dim", hidden_dim, {.min = 1}, "width between the two; auto: the encoder's features");
  fields.check("hidden_dim",
               mlp || !hidden_dim,
               "must go with mlp: true",
               "a head of one layer has no hidden width");
  fields.boolean(
      "symmetric", symmetric, "each view is query and key in turn; the losses are added");
  fields.integer(
      "split_bn",
      split_bn,
      {.min = 1},
      "batch norm in so many groups, the keys shuffled among them: stands for as many devices, and "
      "is shared out to as many processes; 1: one batch norm over all processes");
}

std::string MoCoConfig::batch_problem(std::int64_t batch_size, std::int64_t micro_batch) const {
  if (micro_batch % split_bn != 0 || micro_batch / split_bn < 2) {
    return fmt::format(
        "must give each of the {} groups of method.split_bn equally many images of a "
        "micro-batch, 2 or more",
        split_bn);
  }
  if (queue % (symmetric ? 2 * batch_size : batch_size) == 0) return "";
  return fmt::format("must divide {}method.queue, {}, of which a step replaces {}",
                     symmetric ? "half of " : "",
                     queue,
                     symmetric ? "twice as many" : "as many");
}

std::string MoCoConfig::ranks_problem(std::int64_t ranks) const {
  if (split_bn == 1 || split_bn % ranks == 0) return "";
  return fmt::format(
      "must have a split_bn that {} processes share out evenly, got {}", ranks, split_bn);
}

const config::ComponentSpec& method_spec_moco() {
  static const config::ComponentSpec spec{
      "moco",
      "queries find their keys, made by a momentum network, among those of past batches",
      "He et al. 2020, arXiv:1911.05722; Chen et al. 2020, arXiv:2003.04297",
      +[]() -> std::unique_ptr<config::Component> { return std::make_unique<MoCoConfig>(); }};
  return spec;
}

}  // namespace sslrun::methods
