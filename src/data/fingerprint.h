// Text that tells two data sets apart.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sslrun::data {

/// "<kind>:<num_images>:<16 hexadecimal digits>", the digits being XXH3-64 of content.
std::string make_fingerprint(std::string_view kind,
                             std::int64_t num_images,
                             std::string_view content);

}  // namespace sslrun::data
