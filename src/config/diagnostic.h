#pragma once
#include "base/error.h"

#include <string>
#include <vector>

namespace sslrun::config {

/// A place in a text the user wrote. line and column count from 1; file names an override as "--set key=value".
struct Span {
  std::string file;
  int line = 0;
  int column = 0;
};

struct Diagnostic {
  std::string code;  // stable, e.g. "E0203"; `sslrun explain E0203`
  Span span;
  std::string key;   // dotted path, e.g. "method.temperature"
  std::string what;  // lower case, no full stop
  std::string help;  // empty, or what to do
  std::string line;  // the source line, empty where there is none
};

/// "r.yaml:4:16: error[E0203]: method.temperature: must be > 0, got -0.1", then the source line, a caret and the help.
std::string to_string(const Diagnostic& diagnostic);

/// Every mistake found in a recipe, in the order of the text: the user mends them all in one pass. Exit code 3.
class ConfigError : public Error {
 public:
  explicit ConfigError(std::vector<Diagnostic> found);

  const std::vector<Diagnostic>& diagnostics() const noexcept { return found_; }

 private:
  std::vector<Diagnostic> found_;
};

}  // namespace sslrun::config
