// Whole files of numbers, plain or gzipped (told by their first bytes).
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sslrun::data {

/// The first num_bytes of the content, fewer where it is shorter. Costs the same for a file of any
/// size.
/// errors    DataError names the file: cannot be opened or read, damaged or cut gzip as far as it
///           was looked at.
std::string read_binary_head(const std::string& path, std::size_t num_bytes);

/// Everything after the first skip_bytes of the content, which must be num_bytes long.
/// errors    as read_binary_head; DataError too where the length is another one.
std::vector<std::uint8_t> read_binary_tail(const std::string& path,
                                           std::size_t skip_bytes,
                                           std::size_t num_bytes);

/// Whether the content can have that length, as far as the file's size (plain) or its last four
/// bytes (gzip: the length modulo 2^32) tell. A gzip file of several members may be denied wrongly:
/// ask binary_size then.
bool has_binary_size(const std::string& path, std::uint64_t num_bytes);

/// Length of the content, or at_most + 1 where it is longer; unpacks a gzip file so far to know.
/// errors: as read_binary_head.
std::uint64_t binary_size(const std::string& path, std::uint64_t at_most);

}  // namespace sslrun::data
