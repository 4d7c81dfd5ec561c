// MANIFEST.json: what a checkpoint folder holds, so that damage of any kind shows.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace sslrun::checkpoint {

struct FileDigest {
  std::uint64_t size_bytes = 0;
  std::string xxh3_128;  // 32 hexadecimal digits

  bool operator==(const FileDigest&) const = default;
};

/// Size and XXH3-128 of `bytes`. It finds accidents, not attacks.
FileDigest digest(std::string_view bytes);

struct Manifest {
  std::int64_t step = 0;
  std::map<std::string, FileDigest> files;  // by name within the folder
};

/// One line of JSON that ends with its own XXH3-128, so a change of any bit shows.
std::string encode_manifest(const Manifest& manifest);

/// errors    CheckpointError when `text` is not, to the bit, what encode_manifest gave.
Manifest decode_manifest(std::string_view text, std::string_view source_name);

/// The bytes of a file of the folder.
/// errors    CheckpointError when the file is absent, or its size or digest is not the manifest's.
std::string read_verified(const std::filesystem::path& folder,
                          const std::string& name,
                          const Manifest& manifest);

}  // namespace sslrun::checkpoint
