#include "data/tar_write.h"

#include "base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace sslrun::data {

namespace {

constexpr std::size_t kBlock = 512, kNameBytes = 100, kPrefixBytes = 155;
constexpr std::array<char, 2 * kBlock> kZeros{};

void put(std::string& header, std::size_t offset, std::string_view field) {
  header.replace(offset, field.size(), field);
}

std::string header_of(std::string_view prefix,
                      std::string_view name,
                      std::int64_t size,
                      char type) {
  std::string header(kBlock, '\0');
  put(header, 0, name);
  put(header, 100, "0000644");
  put(header, 108, "0000000");
  put(header, 116, "0000000");
  put(header, 124, fmt::format("{:011o}", size));
  put(header, 136, "00000000000");
  put(header, 148, "        ");  // the checksum counts itself as blanks
  header[156] = type;
  put(header,
      257,
      std::string_view("ustar\0"
                       "00",
                       8));
  put(header, 345, prefix);
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(header, 148, fmt::format("{:06o}", sum) + '\0');
  return header;
}

// The length of the name's beginning that goes into ustar's second field; nothing: it does not fit.
std::optional<std::size_t> prefix_of(std::string_view name) {
  if (name.size() <= kNameBytes) return 0;
  const std::size_t slash = name.find('/', name.size() - kNameBytes - 1);
  if (slash == std::string_view::npos || slash == 0 || slash > kPrefixBytes) return std::nullopt;
  return slash;
}

// "<length> path=<name>\n", the length counting its own digits.
std::string pax_record(std::string_view name) {
  const std::string rest = fmt::format(" path={}\n", name);
  std::size_t length = rest.size() + 1;
  while (fmt::formatted_size("{}", length) + rest.size() != length) ++length;
  return fmt::format("{}{}", length, rest);
}

}  // namespace

std::string tar_header(std::string_view name, std::int64_t size) {
  check_invariant(size >= 0 && size < std::int64_t{8} << 30, "a tar member has less than 8 GiB");
  if (const std::optional<std::size_t> prefix = prefix_of(name)) {
    return header_of(
        name.substr(0, *prefix), name.substr(*prefix == 0 ? 0 : *prefix + 1), size, '0');
  }
  const std::string record = pax_record(name);
  const auto record_bytes = static_cast<std::int64_t>(record.size());
  std::string all = header_of({}, "pax", record_bytes, 'x');
  all.append(record).append(tar_padding(record_bytes));
  return all + header_of({}, name.substr(0, kNameBytes), size, '0');
}

std::string_view tar_padding(std::int64_t size) {
  const std::size_t over = static_cast<std::size_t>(size) % kBlock;
  return {kZeros.data(), over == 0 ? 0 : kBlock - over};
}

std::string_view tar_end() {
  return {kZeros.data(), kZeros.size()};
}

}  // namespace sslrun::data
