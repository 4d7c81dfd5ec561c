// decode_index() on the bytes of a cached folder index; the checksum is made right, so that what lies
// behind it is looked at.
#include "base/error.h"
#include "data/folder_index.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

using namespace sslrun;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  constexpr std::size_t kEnd = data::kIndexChecksumAt + sizeof(std::uint64_t);
  if (size < kEnd) return 0;
  const std::uint64_t sum = XXH3_64bits(bytes.data() + kEnd, size - kEnd);
  std::memcpy(bytes.data() + data::kIndexChecksumAt, &sum, sizeof sum);
  const auto scan = data::decode_index(bytes, "/a");
  if (!scan) return 0;
  const auto& names = scan->folder_names;
  check_invariant(!scan->image_names.empty() && scan->image_names.back() == '\0', "names end");
  check_invariant(scan->folders.size() ==
                      static_cast<std::size_t>(std::count(names.begin(), names.end(), '\0')),
                  "every folder has a name");
  check_invariant(data::encode_index(*scan, "/a") == bytes, "an index is written as it was read");
  return 0;
}
