#include "data/exclude.h"

#include "base/error.h"
#include "data/fingerprint.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <unordered_set>
#include <utility>
#include <vector>

namespace sslrun::data {

namespace {

std::unordered_set<std::string> read_names(const std::string& list) {
  std::ifstream in(list, std::ios::binary);
  std::unordered_set<std::string> names;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (const auto tab = line.find('\t'); tab != std::string::npos) line.resize(tab);
    if (!line.empty() && line.front() != '#') names.insert(line);
  }
  if (!in.eof())
    throw DataError(fmt::format("cannot read the list '{}': {}", list, std::strerror(errno)));
  return names;
}

class Excluding final : public Source {
 public:
  Excluding(std::unique_ptr<Source> inner, const std::string& list) : inner_(std::move(inner)) {
    const auto names = read_names(list);
    const auto labels = inner_->labels();
    std::string kept;
    for (std::int64_t i = 0; i < inner_->size(); ++i) {
      const std::string name = inner_->name(i);
      if (names.contains(name)) continue;
      kept_.push_back(i);
      kept.append(name).push_back('\0');
      if (!labels.empty()) labels_.push_back(labels[static_cast<std::size_t>(i)]);
    }
    if (kept_.empty()) throw DataError(fmt::format("the list '{}' leaves no image", list));
    // A list that names nothing changes nothing: the run goes on as before.
    fingerprint_ = size() == inner_->size()
                       ? inner_->fingerprint()
                       : make_fingerprint("excluding", size(), inner_->fingerprint() + kept);
  }

  std::int64_t size() const override { return static_cast<std::int64_t>(kept_.size()); }

  std::string name(std::int64_t i) const override { return inner_->name(inner_index(i)); }

  void decode(std::int64_t i,
              std::span<const std::byte> bytes,
              const image::Wanted& wanted,
              image::Image& out) const override {
    inner_->decode(inner_index(i), bytes, wanted, out);
  }

  bool read_file(std::int64_t i, std::vector<std::byte>& bytes) const override {
    return inner_->read_file(inner_index(i), bytes);
  }

  std::span<const std::int64_t> labels() const override { return labels_; }

  std::vector<std::string> class_names() const override { return inner_->class_names(); }

  std::string fingerprint() const override { return fingerprint_; }

 private:
  std::int64_t inner_index(std::int64_t i) const { return kept_.at(static_cast<std::size_t>(i)); }

  std::unique_ptr<Source> inner_;
  std::vector<std::int64_t> kept_, labels_;
  std::string fingerprint_;
};

}  // namespace

std::unique_ptr<Source> exclude(std::unique_ptr<Source> source, const std::string& list) {
  return std::make_unique<Excluding>(std::move(source), list);
}

}  // namespace sslrun::data
