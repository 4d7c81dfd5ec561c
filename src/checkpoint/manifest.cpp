#include "checkpoint/manifest.h"

#include "base/error.h"
#include "base/file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <xxhash.h>

namespace sslrun::checkpoint {
namespace {

constexpr int kVersion = 1;

/// What ends the text: the digest of everything before it.
std::string seal(std::string_view body) {
  return fmt::format(",\"manifest_xxh3_128\":\"{}\"}}\n", digest(body).xxh3_128);
}

[[noreturn]] void refuse(std::string_view source, std::string_view why) {
  throw CheckpointError(
      fmt::format("'{}' must be a whole manifest of a checkpoint: {}", source, why));
}

}  // namespace

FileDigest digest(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {bytes.size(), fmt::format("{:016x}{:016x}", hash.high64, hash.low64)};
}

std::string encode_manifest(const Manifest& manifest) {
  nlohmann::ordered_json json = {
      {"version", kVersion}, {"step", manifest.step}, {"files", nlohmann::ordered_json::object()}};
  for (const auto& [name, file] : manifest.files) {
    json["files"][name] = {{"size_bytes", file.size_bytes}, {"xxh3_128", file.xxh3_128}};
  }
  std::string text = json.dump();
  text.pop_back();  // the closing brace comes with the seal
  return text + seal(text);
}

Manifest decode_manifest(std::string_view text, std::string_view source_name) {
  const std::size_t seal_size = seal("").size();
  if (text.size() < seal_size) refuse(source_name, fmt::format("it has {} bytes", text.size()));
  const std::string_view body = text.substr(0, text.size() - seal_size);
  if (text.substr(body.size()) != seal(body))
    refuse(source_name, "its own digest differs from its content");
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) refuse(source_name, "it is no JSON");
  try {
    if (json.at("version") != kVersion) {
      refuse(source_name,
             fmt::format("its version must be {}, got {}; use a newer sslrun",
                         kVersion,
                         json.at("version").dump()));
    }
    Manifest manifest{.step = json.at("step"), .files = {}};
    for (const auto& [name, file] : json.at("files").items()) {
      manifest.files[name] = {file.at("size_bytes"), file.at("xxh3_128")};
    }
    return manifest;
  } catch (const nlohmann::json::exception& e) {
    refuse(source_name, e.what());
  }
}

std::string read_verified(const std::filesystem::path& folder,
                          const std::string& name,
                          const Manifest& manifest) {
  const std::filesystem::path path = folder / name;
  const auto expected = manifest.files.find(name);
  if (expected == manifest.files.end())
    throw CheckpointError(fmt::format("manifest of '{}' must list '{}'", folder.string(), name));
  if (!std::filesystem::is_regular_file(path))
    throw CheckpointError(fmt::format("'{}' must be there, and is not", path.string()));
  std::string bytes = read_file(path);
  if (bytes.size() != expected->second.size_bytes) {
    throw CheckpointError(fmt::format("'{}' must have {} bytes, got {}",
                                      path.string(),
                                      expected->second.size_bytes,
                                      bytes.size()));
  }
  if (const FileDigest got = digest(bytes); got != expected->second) {
    throw CheckpointError(
        fmt::format("'{}' must have the XXH3-128 {}, got {}: its content has changed",
                    path.string(),
                    expected->second.xxh3_128,
                    got.xxh3_128));
  }
  return bytes;
}

}  // namespace sslrun::checkpoint
