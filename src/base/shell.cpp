#include "base/shell.h"

#include <algorithm>
#include <cctype>
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

}  // namespace sslrun
