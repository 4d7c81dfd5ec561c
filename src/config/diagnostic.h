// A mistake in the configuration, told the way a compiler tells it.
#pragma once
#include "base/error.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sslrun::config {

/// A text that the user wrote: a file, or one override of the command line (text is then all of
/// `--set a.b=c`).
struct Source {
  std::string name;
  std::string text;
  bool is_override = false;

  /// Line `number`, counted from 1, without its end; "" where there is none.
  std::string_view line(int number) const;
};

/// A place in a source. line and column (in bytes) count from 1; line 0: the source as a whole.
/// length: bytes to underline.
struct Span {
  std::shared_ptr<const Source> source;
  int line = 0;
  int column = 0;
  int length = 1;

  /// "simclr.yaml:12:16", or "--set optimizer.lr=-1".
  std::string place() const;
};

struct Diagnostic {
  const char* code;  // stable: "E0203", see `sslrun explain E0203`
  Span span;
  std::string key;     // dotted path, e.g. "method.temperature"; empty: the document
  std::string what;    // lower case, no full stop: what must hold, what was got
  std::string help;    // empty, or what to do
  std::string note{};  // empty, or the default and the meaning of the key
};

/// "simclr.yaml:12:16: error[E0203]: method.temperature: must be > 0, got -0.1", then the source
/// line with a caret, the help and the note, each on lines of their own; no newline at the end.
/// color: ANSI escapes for a terminal.
std::string render(const Diagnostic& diagnostic, bool color = false);

/// Every mistake found in the configuration, in the order of the text: the user fixes them all in
/// one pass. what() is every rendered diagnostic.
class ConfigError : public Error {
 public:
  static constexpr int kExitCode = 3;

  explicit ConfigError(std::vector<Diagnostic> found);

  const std::vector<Diagnostic>& diagnostics() const noexcept { return *found_; }

 private:
  std::shared_ptr<const std::vector<Diagnostic>>
      found_;  // shared: copying an exception must not throw
};

}  // namespace sslrun::config
