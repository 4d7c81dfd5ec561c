// open_idx() on a folder of images and labels. Input: a byte with the length of the labels' file
// (0: there is none), that file, the images' file.
#include "base/error.h"
#include "data/idx.h"
#include "tests/data/support.h"

#include <algorithm>
#include <cstdint>

using namespace sslrun;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const test::TempFolder folder;
  if (size == 0) return 0;
  const std::string rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t num_labels = std::min<std::size_t>(data[0], rest.size());
  const std::string labels = folder.path("train-labels-idx1-ubyte");
  std::filesystem::remove(labels);
  if (num_labels > 0) folder.write("train-labels-idx1-ubyte", rest.substr(0, num_labels));
  folder.write("train-images-idx3-ubyte", rest.substr(num_labels));
  try {
    const auto source = data::open_idx(folder.path(), data::Split::kTrain, {});
    image::Image out;
    source->read(source->size() - 1, out);
    check_invariant(!out.pixels.empty(), "an image has pixels");
  } catch (const DataError&) {
  }
  return 0;
}
