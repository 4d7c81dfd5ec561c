#include "methods/swav_config.h"

#include "config/fields.h"

#include <fmt/format.h>

namespace sslrun::methods {

void SwavConfig::bind(config::Fields& fields) {
  fields.real(
      "temperature", temperature, {.min = 0, .open_min = true}, "of the predictions' softmax");
  fields.integer("prototypes", prototypes, {.min = 2}, "that images are assigned to");
  fields.real(
      "epsilon",
      epsilon,
      {.min = 0, .open_min = true},
      "of the assignments: smaller is sharper; 0.03 where the loss stays at ln(prototypes)");
  fields.integer(
      "sinkhorn_iterations", sinkhorn_iterations, {.min = 1}, "that even the assignments out");
  projector.bind(fields, "the head whose output meets the prototypes");
  fields.integer("freeze_prototypes_epochs",
                 freeze_prototypes_epochs,
                 {.min = 0},
                 "at the start, in which prototypes do not move");
  fields.integer("queue",
                 queue,
                 {.min = 0},
                 "embeddings of past batches, for each of the two first views, that are assigned "
                 "with the batch's; 0: none");
  fields.integer("queue_from_epoch",
                 queue_from_epoch,
                 {.min = 0},
                 "when the queue begins to fill; it is used once it is full");
}

std::string SwavConfig::batch_problem(std::int64_t batch_size, std::int64_t micro_batch) const {
  if (queue % batch_size != 0)
    return fmt::format("must divide method.queue, {}, of which a step replaces as many", queue);
  if (micro_batch + queue >= prototypes) return "";
  return fmt::format(
      "must, a micro-batch of {} with method.queue's {}, reach method.prototypes, {}: fewer images "
      "cannot be shared out to all of them",
      micro_batch,
      queue,
      prototypes);
}

const config::ComponentSpec& method_spec_swav() {
  static const config::ComponentSpec spec{
      "swav",
      "views predict the prototypes that other views of the image are assigned to, in equal shares",
      "Caron et al. 2020, arXiv:2006.09882",
      +[]() -> std::unique_ptr<config::Component> { return std::make_unique<SwavConfig>(); }};
  return spec;
}

}  // namespace sslrun::methods
