#include "train/bad_images.h"

#include "dist/exchange.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <set>
#include <sstream>

namespace sslrun::train {
namespace {

/// What list_lines() wrote.
std::vector<data::BadSample> read_lines(const std::string& lines) {
  std::vector<data::BadSample> out;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) {
    const auto b = nlohmann::json::parse(line);
    out.push_back({b.at("sample"), b.at("path"), b.at("reason")});
  }
  return out;
}

}  // namespace

std::string list_lines(std::span<const data::BadSample> bad) {
  std::string lines;
  for (const data::BadSample& b : bad) {
    const nlohmann::ordered_json line = {
        {"sample", b.sample}, {"path", b.name}, {"reason", b.reason}};
    lines += line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  }
  return lines;
}

std::vector<data::BadSample> met_by_any(std::span<const data::BadSample> own,
                                        std::span<const data::BadSample> known,
                                        dist::World& world,
                                        at::Device device) {
  if (world.size() == 1) return {own.begin(), own.end()};
  std::set<std::int64_t> seen;
  for (const data::BadSample& b : known) seen.insert(b.sample);
  std::vector<data::BadSample> out;
  for (const std::string& lines : dist::exchange(list_lines(own), world, device)) {
    for (const data::BadSample& b : read_lines(lines))
      if (seen.insert(b.sample).second) out.push_back(b);
  }
  return out;
}

}  // namespace sslrun::train
