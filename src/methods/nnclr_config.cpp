#include "methods/nnclr_config.h"

#include "config/fields.h"

#include <fmt/format.h>

namespace sslrun::methods {

void NnclrConfig::bind(config::Fields& fields) {
  fields.real("temperature",
              temperature,
              {.min = 0, .open_min = true},
              "softmax temperature: 0.1 ImageNet, 0.2 CIFAR-10");
  fields.integer(
      "queue", queue, {.min = 1}, "embeddings of past batches among which neighbours are sought");
  projector.bind(fields, "three linear layers, dropped after pretraining");
  fields.integer(
      "predictor_hidden_dim", predictor_hidden_dim, {.min = 1}, "hidden width of the predictor");
}

std::string NnclrConfig::batch_problem(std::int64_t batch_size, std::int64_t) const {
  if (queue % batch_size == 0) return "";
  return fmt::format("must divide method.queue, {}, of which a step replaces as many", queue);
}

const config::ComponentSpec& method_spec_nnclr() {
  static const config::ComponentSpec spec{
      "nnclr",
      "the nearest neighbour of one view in past batches stands for it, and the other view finds "
      "it in the batch",
      "Dwibedi et al. 2021, arXiv:2104.14548",
      +[]() -> std::unique_ptr<config::Component> { return std::make_unique<NnclrConfig>(); }};
  return spec;
}

}  // namespace sslrun::methods
