#include "config/fields.h"

#include <fmt/format.h>

#include <cmath>

namespace sslrun::config {

bool RealRange::contains(double v) const {
  if (!std::isfinite(v)) return false;
  return (open_min ? v > min : v >= min) && (open_max ? v < max : v <= max);
}

std::string RealRange::text() const {
  std::string s;
  if (std::isfinite(min)) s = fmt::format("{} {}", open_min ? ">" : ">=", min);
  if (std::isfinite(max))
    s += fmt::format("{}{} {}", s.empty() ? "" : " and ", open_max ? "<" : "<=", max);
  return s.empty() ? "finite" : s;
}

std::string IntRange::text() const {
  if (min == max) return std::to_string(min);
  std::string s;
  if (min != IntRange().min) s = fmt::format(">= {}", min);
  if (max != IntRange().max) s += fmt::format("{}<= {}", s.empty() ? "" : " and ", max);
  return s.empty() ? "a 64-bit whole number" : s;
}

}  // namespace sslrun::config
