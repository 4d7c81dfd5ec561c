// Whole files of numbers, plain or gzipped.
#pragma once
#include <string>

namespace sslrun::data {

/// Content of a file, unpacked when it is gzip (told by its first bytes).
/// errors  DataError names the file: cannot be opened or read, damaged or cut gzip, more than 16 GiB unpacked.
std::string read_binary_file(const std::string& path);

}  // namespace sslrun::data
