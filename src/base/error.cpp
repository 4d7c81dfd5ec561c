#include "base/error.h"

namespace sslrun {

void check_invariant(bool holds, std::string_view what, std::source_location where) {
  if (holds) return;
  throw std::logic_error(std::string(where.file_name()) + ":" + std::to_string(where.line()) +
                         ": " + std::string(what));
}

}  // namespace sslrun
