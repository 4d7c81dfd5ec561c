#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace sslrun::config {

/// The candidate that `word` was probably meant to be: the same letters up to case, '-' and '_', or
/// the nearest at an edit distance (insert, delete, replace, swap neighbours) of 1 or 2; "" if
/// there is none. Ties: the first candidate.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

/// "a, b, c".
std::string join(const std::vector<std::string>& words);

}  // namespace sslrun::config
