// Class labels that are written as text.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace sslrun::data {

/// Numbers for a data set's labels. Where all are numbers below a million (7, 007), they are the
/// classes' own; otherwise labels are words, numbered in the order of their bytes.
class ClassNumbers {
 public:
  explicit ClassNumbers(const std::set<std::string>& labels);

  std::int64_t of(const std::string& label) const { return numbers_.at(label); }

  /// One for each class: the words; "0", "1", .. up to the largest number.
  const std::vector<std::string>& names() const { return names_; }

  bool are_words() const { return words_; }

 private:
  std::map<std::string, std::int64_t> numbers_;
  std::vector<std::string> names_;
  bool words_ = false;
};

}  // namespace sslrun::data
