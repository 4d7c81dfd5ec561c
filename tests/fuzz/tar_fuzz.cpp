// open_shards() on one archive, and all that it finds there.
#include "base/error.h"
#include "data/image_file.h"
#include "data/shards.h"
#include "image/bad_image.h"
#include "tests/data/support.h"

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

using namespace sslrun;

namespace {

// Mutated headers get a checksum that holds: without, hardly one would be read any further.
std::string with_checksums(std::string archive) {
  for (std::size_t block = 0; block + 512 <= archive.size(); block += 512) {
    if (archive.compare(block + 257, 5, "ustar") != 0) continue;
    archive.replace(block + 148, 8, "        ");
    unsigned sum = 0;
    for (std::size_t i = 0; i < 512; ++i) sum += static_cast<unsigned char>(archive[block + i]);
    char digits[8];
    std::snprintf(digits, sizeof digits, "%06o", sum);
    archive.replace(block + 148, 7, digits, 7);
  }
  return archive;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const test::TempFolder folder;
  const std::string archive(reinterpret_cast<const char*>(data), size);
  folder.write("s.tar", size % 2 == 0 ? with_checksums(archive) : archive);
  try {
    const auto source = data::open_shards(folder.path("s.tar"), data::Split::kTrain, {});
    check_invariant(source->labels().empty() ||
                        static_cast<std::int64_t>(source->labels().size()) == source->size(),
                    "all images have labels, or none");
    for (const std::int64_t label : source->labels())
      check_invariant(label >= 0 && label < static_cast<std::int64_t>(source->class_names().size()),
                      "labels are numbers of classes");
    std::vector<std::byte> bytes;
    for (std::int64_t i = 0; i < source->size(); ++i) {
      try {
        source->read_file(i, bytes);
        check_invariant(bytes.size() < size, "an image lies in the archive");
      } catch (const image::BadImage&) {
      }
    }
  } catch (const DataError&) {
  }
  return 0;
}
