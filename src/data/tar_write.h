// Files into a tar archive.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace sslrun::data {

/// What comes before the content of a file in a tar archive: a ustar header; before it a pax header
/// where the name is too long for ustar (above 100 bytes, and no "/" parts it fittingly). Owner and
/// time are 0, so that the same files give the same bytes. size < 8 GiB.
std::string tar_header(std::string_view name, std::int64_t size);

/// The zeros between a content of that size and the next header.
std::string_view tar_padding(std::int64_t size);

/// What ends an archive.
std::string_view tar_end();

}  // namespace sslrun::data
