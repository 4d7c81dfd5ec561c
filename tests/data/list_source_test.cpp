#include "base/error.h"
#include "data/source.h"
#include "image/bad_image.h"
#include "tests/data/support.h"
#include "tests/support/catch.h"

#include <string>
#include <vector>

using namespace sslrun;
using namespace sslrun::test;
using data::open_source;
using data::Split;

namespace {

std::string data_error(const TempFolder& folder, const std::string& list) {
  folder.write("list.txt", list);
  try {
    open_source(folder.path("list.txt"), "auto", Split::kTrain);
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("list: paths below the list or absolute, in the order of the lines", "[data]") {
  const TempFolder folder, elsewhere;
  folder.write("in/b.png", flat_png(1));
  elsewhere.write("a.png", flat_png(2));
  folder.write("list.txt",
               "\xEF\xBB\xBF# images\r\nin/b.png\tdog\r\n\n" + elsewhere.path("a.png") +
                   "\tcat\nin/gone.png\tdog");
  const auto source = open_source(folder.path("list.txt"), "auto", Split::kTrain);
  REQUIRE(source->size() == 3);
  CHECK(source->name(0) == "in/b.png");
  CHECK(source->class_names() == std::vector<std::string>{"cat", "dog"});
  CHECK(source->labels()[0] == 1);
  CHECK(source->labels()[1] == 0);
  image::Image out;
  source->read(0, out);
  CHECK(out.pixels[0] == 1);
  source->read(1, out);
  CHECK(out.pixels[0] == 2);
  CHECK_THROWS_AS(source->read(2, out), image::BadImage);
}

TEST_CASE("list: numbers are the classes' own, no class means no labels", "[data]") {
  const TempFolder folder;
  folder.write("list.lst", "a.png\t3\nb.png\t007\n");
  const auto source = open_source(folder.path("list.lst"), "auto", Split::kTrain);
  CHECK(source->class_names().size() == 8);
  CHECK(source->labels()[1] == 7);
  folder.write("list.lst", "a.png\nb.png\n");
  CHECK(open_source(folder.path("list.lst"), "auto", Split::kTrain)->labels().empty());
}

TEST_CASE("list: a mistake is named with its line", "[data]") {
  const TempFolder folder;
  CHECK(data_error(folder, "# one\na.png\ta\tb\n").find("list.txt', line 2: ") !=
        std::string::npos);
  CHECK(data_error(folder, "a.png\n\tcat\n").find("line 2: a path must stand") !=
        std::string::npos);
  CHECK(data_error(folder, "a.png\t\n").find("line 1: a class must follow") != std::string::npos);
  CHECK(data_error(folder, "a.png\tx\nb.png\n").find("line 2: a tab and a class") !=
        std::string::npos);
  CHECK(data_error(folder, "a.png\nb.png\tx\n").find("line 2: no class") != std::string::npos);
  CHECK(data_error(folder, std::string("a\0b\n", 4)).find("line 1: a list must be text") !=
        std::string::npos);
  CHECK(data_error(folder, std::string(4097, 'x')).find("at most 4096 bytes, got 4097") !=
        std::string::npos);
  CHECK(data_error(folder, "# nothing\n\n").find("no image in the list") == 0);
}
