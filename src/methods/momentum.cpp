#include "methods/momentum.h"

#include <cmath>
#include <numbers>

namespace sslrun::methods {

double cosine_momentum(double start, const Progress& progress) {
  const double share =
      static_cast<double>(progress.step) / static_cast<double>(progress.total_steps);
  return 1 - (1 - start) * (1 + std::cos(std::numbers::pi * share)) / 2;
}

double linear_momentum(double start, const Progress& progress) {
  return start + (1 - start) * static_cast<double>(progress.step) /
                     static_cast<double>(progress.total_steps);
}

}  // namespace sslrun::methods
