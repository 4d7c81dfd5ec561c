// open_cifar() on one file of records.
#include "base/error.h"
#include "data/cifar.h"
#include "tests/data/support.h"

#include <cstdint>

using namespace sslrun;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const test::TempFolder folder;
  folder.write("test.bin", {reinterpret_cast<const char*>(data), size});
  try {
    const auto source = data::open_cifar(folder.path("test.bin"), data::Split::kTest, {});
    image::Image out;
    source->read(source->size() - 1, out);
    check_invariant(out.width == 32 && out.height == 32, "CIFAR's images are 32 x 32");
  } catch (const DataError&) {
  }
  return 0;
}
