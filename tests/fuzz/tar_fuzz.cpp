// open_shards() on one archive, and all that it finds there.
#include "base/error.h"
#include "data/image_file.h"
#include "data/shards.h"
#include "image/bad_image.h"
#include "tests/data/support.h"

#include <cstdint>
#include <vector>

using namespace sslrun;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const test::TempFolder folder;
  folder.write("s.tar", {reinterpret_cast<const char*>(data), size});
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
