#include "methods/trained_parameters.h"

namespace sslrun::methods {

std::vector<optim::Trained> trained_parameters(const Method& method, std::int64_t steps_per_epoch) {
  std::vector<optim::Trained> out;
  for (const auto& [name, tensor] : method.named_parameters())
    out.push_back({name, tensor, method.rule(name, steps_per_epoch)});
  return out;
}

}  // namespace sslrun::methods
