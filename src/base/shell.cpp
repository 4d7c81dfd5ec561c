#include "base/shell.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <string_view>

namespace sslrun {

std::string shell_quoted(const std::string& word) {
  constexpr std::string_view kPlain = "_./=:,+@%-";
  const auto plain = [&](unsigned char c) {
    return std::isalnum(c) != 0 || kPlain.find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::optional<std::string> output_of(const std::string& command) {
  std::string out;
  std::FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return std::nullopt;
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) out += static_cast<char>(c);
  return pclose(pipe) == 0 ? std::optional<std::string>(out) : std::nullopt;
}

}  // namespace sslrun
