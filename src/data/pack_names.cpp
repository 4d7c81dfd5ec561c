#include "data/pack_names.h"

#include "data/image_file.h"
#include "image/decode.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>

namespace sslrun::data {

namespace {

// No "..", no leading "/": whoever unpacks the shards stays where he is.
std::string harmless(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (!out.empty()) out += '/';
    out += part == ".." ? "_" : part;
  }
  return out;
}

}  // namespace

std::string PackNames::key(std::string_view name) {
  if (has_image_ending(name)) name = name.substr(0, name.rfind('.'));
  std::string key = harmless(name);
  if (key.empty() || key.ends_with('/')) key += '_';
  std::replace(key.begin() + static_cast<std::ptrdiff_t>(key.rfind('/') + 1), key.end(), '.', '_');
  std::string unique = key;
  for (int n = 2; !taken_.insert(XXH3_64bits(unique.data(), unique.size())).second; ++n)
    unique = fmt::format("{}-{}", key, n);
  return unique;
}

std::string ending_of(std::string_view name, std::span<const std::byte> bytes) {
  if (has_image_ending(name)) return std::string(name.substr(name.rfind('.')));
  switch (image::sniff(bytes)) {
    case image::Format::kJpeg:
      return ".jpg";
    case image::Format::kPng:
      return ".png";
    case image::Format::kWebp:
      return ".webp";
    case image::Format::kTiff:
      return ".tif";
    case image::Format::kGif:
      return ".gif";
    case image::Format::kBmp:
      return ".bmp";
    case image::Format::kPnm:
      return ".pnm";
    case image::Format::kUnknown:
      break;
  }
  return ".bin";  // never written: such an image is bad
}

}  // namespace sslrun::data
