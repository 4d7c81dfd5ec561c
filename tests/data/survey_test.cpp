#include "data/survey.h"

#include "base/thread_pool.h"
#include "data/exclude.h"
#include "image/png_write.h"
#include "tests/data/support.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <cmath>

namespace sslrun::data {

namespace {

using test::TempFolder;

/// Blobs of light whose places depend on `seed`: structure for the hash.
image::Image blobs(int seed, std::int64_t side, int shift = 0) {
  image::Image image;
  image.reshape(side, side, 3);
  for (std::int64_t y = 0; y < side; ++y) {
    for (std::int64_t x = 0; x < side; ++x) {
      const double u = double(x) / double(side), v = double(y) / double(side);
      const double value = std::sin((3 + seed) * 2 * u + seed) * std::cos((5 + seed) * v * 3);
      for (int c = 0; c < 3; ++c)
        image.pixels[std::size_t((y * side + x) * 3 + c)] =
            static_cast<std::uint8_t>(std::lround(110 + 80 * value) + 10 * c + shift);
    }
  }
  return image;
}

std::vector<ImageFacts> look(const std::string& path) {
  return survey(*open_source(path, "folder", Split::kTrain), [](std::int64_t) {});
}

/// Every pixel twice each way.
image::Image doubled(const image::Image& image) {
  image::Image out;
  out.reshape(image.width * 2, image.height * 2, 3);
  for (std::int64_t i = 0; i < out.width * out.height * 3; ++i) {
    const std::int64_t y = i / 3 / out.width / 2, x = i / 3 % out.width / 2;
    out.pixels[std::size_t(i)] = image.pixels[std::size_t((y * image.width + x) * 3 + i % 3)];
  }
  return out;
}

std::string png(const image::Image& image) {
  return image::encode_png(image);
}

}  // namespace

TEST_CASE("survey: what is bad, what is there twice, what looks alike", "[data]") {
  const TempFolder folder;
  folder.write("0.png", png(blobs(1, 64)));
  folder.write("1.png", png(blobs(2, 64)));
  folder.write("2.png", png(blobs(1, 64)));           // 0 again
  folder.write("3.png", png(doubled(blobs(2, 64))));  // 1, larger
  folder.write("4.png", png(blobs(1, 64, 3)));        // 0, brighter
  folder.write("5.png", test::flat_png(7));           // flat ones look alike by chance
  folder.write("6.png", test::flat_png(8));
  folder.write("7.png", png(blobs(1, 64)).substr(0, 300));
  folder.write("8.jpg", "hello, I am no picture");
  const auto facts = look(folder.path());
  REQUIRE(facts.size() == 9);
  CHECK(facts[7].bad.starts_with("truncated: "));
  CHECK(facts[8].bad.starts_with("not an image: "));
  CHECK(std::count_if(facts.begin(), facts.end(), [](const auto& f) { return f.bad.empty(); }) ==
        7);
  CHECK(facts[3].width == 128);
  const auto same = exact_duplicates(facts);
  REQUIRE(same.size() == 1);
  CHECK(same[0].first == 0);
  CHECK(same[0].second == 2);
  const auto near = near_duplicates(facts);
  REQUIRE(near.size() == 2);
  CHECK((near[0].first == 1 && near[0].second == 3));
  CHECK((near[1].first == 0 && near[1].second == 4));
}

TEST_CASE("survey: copies of one shape only are equal", "[data]") {
  const TempFolder folder;  // the same bytes of pixels, 6 x 2 and 2 x 6
  folder.write("a.png", test::flat_png(9, 6, 2));
  folder.write("b.png", test::flat_png(9, 2, 6));
  CHECK(exact_duplicates(look(folder.path())).empty());
}

TEST_CASE("survey: moments are those of the definition, and every image counts the same",
          "[data]") {
  const TempFolder folder;
  image::Image half;
  half.reshape(2, 1, 3);
  half.pixels = {0, 51, 255, 255, 51, 0};
  folder.write("a.png", png(half));
  folder.write("b.png", test::flat_png(51, 10, 10));
  folder.write("c.png", "damaged");
  const ChannelMoments m = channel_moments(look(folder.path()));
  // Red: {0, 1} weighs as much as a hundred 0.2: mean (0.5 + 0.2) / 2, square (0.5 + 0.04) / 2.
  CHECK(m.mean[0] == Approx(0.35).epsilon(1e-12));
  CHECK(m.std[0] == Approx(std::sqrt(0.27 - 0.35 * 0.35)).epsilon(1e-12));
  CHECK(m.mean[1] == Approx(0.2).epsilon(1e-12));
  CHECK(m.std[1] == Approx(0).margin(1e-7));
}

TEST_CASE("survey: leaks name train's image and val's", "[data]") {
  const TempFolder train, val;
  train.write("x.png", png(blobs(1, 32)));
  train.write("y.png", png(blobs(2, 32)));
  val.write("0.png", png(blobs(3, 32)));
  val.write("1.png", png(blobs(2, 32)));
  const auto found = leaks(look(train.path()), look(val.path()));
  REQUIRE(found.size() == 1);
  CHECK(found[0].first == 1);
  CHECK(found[0].second == 1);
}

TEST_CASE("survey: any number of threads finds the same", "[data]") {
  const TempFolder folder;
  for (int i = 0; i < 40; ++i) folder.write(std::to_string(i) + ".png", png(blobs(i % 13, 24)));
  const int before = compute_threads();
  set_compute_threads(1);
  const auto one = look(folder.path());
  set_compute_threads(7);
  const auto seven = look(folder.path());
  set_compute_threads(before);
  REQUIRE(one.size() == seven.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    CHECK(one[i].content == seven[i].content);
    CHECK(one[i].appearance == seven[i].appearance);
    CHECK(one[i].mean == seven[i].mean);
  }
  CHECK(exact_duplicates(one).size() == 27);  // 40 images, 13 different ones
}

TEST_CASE("exclude: images on the list are gone, with their labels", "[data]") {
  const TempFolder folder;
  for (const char* name : {"a/0.png", "a/1.png", "b/0.png", "b/1.png"})
    folder.write(name, test::flat_png(static_cast<std::uint8_t>(name[0] + name[2])));
  folder.write("../" + folder.path().substr(folder.path().rfind('/') + 1) + ".txt",
               "# a remark\na/1.png\tthe same pixels\r\n\nb/0.png\ngone/long-ago.png\n");
  const std::string list = folder.path() + ".txt";
  const auto whole = open_source(folder.path(), "folder", Split::kTrain);
  const auto source = exclude(open_source(folder.path(), "folder", Split::kTrain), list);
  REQUIRE(source->size() == 2);
  CHECK(source->name(0) == "a/0.png");
  CHECK(source->name(1) == "b/1.png");
  CHECK(std::vector(source->labels().begin(), source->labels().end()) ==
        std::vector<std::int64_t>{0, 1});
  CHECK(source->fingerprint() != whole->fingerprint());
  image::Image image;
  source->read(1, image);
  CHECK(image.pixels[0] == 'b' + '1');
  {
    std::ofstream(list) << "not/here.png\n";
    const auto same = exclude(open_source(folder.path(), "folder", Split::kTrain), list);
    CHECK(same->fingerprint() == whole->fingerprint());
  }
  std::ofstream(list) << "a/0.png\na/1.png\nb/0.png\nb/1.png\n";
  CHECK_THROWS_WITH(exclude(open_source(folder.path(), "folder", Split::kTrain), list),
                    Catch::Contains("leaves no image"));
  std::filesystem::remove(list);
  CHECK_THROWS_WITH(exclude(open_source(folder.path(), "folder", Split::kTrain), list),
                    Catch::Contains("cannot read the list"));
}

}  // namespace sslrun::data
