#pragma once
#include <string>

namespace sslrun {

/// As a POSIX shell takes it as one word: quoted where it holds more than the characters of plain
/// words.
std::string shell_quoted(const std::string& word);

}  // namespace sslrun
