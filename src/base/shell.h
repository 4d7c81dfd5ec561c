#pragma once
#include <optional>
#include <string>

namespace sslrun {

/// As a POSIX shell takes it as one word: quoted where it holds more than the characters of plain
/// words.
std::string shell_quoted(const std::string& word);

/// What a shell command prints on stdout; nothing where it cannot start or ends with another status
/// than 0.
std::optional<std::string> output_of(const std::string& command);

}  // namespace sslrun
