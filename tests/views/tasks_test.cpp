// Operations that set a task: what their pictures show, and that their classes say so.
#include "base/error.h"
#include "tests/support/catch.h"
#include "tests/views/support.h"
#include "views/jigsaw_permutations.h"
#include "views/pipeline.h"
#include "views/sheet.h"
#include "views/view_work.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <thread>

namespace sslrun::views {

namespace {

/// An op after its apply() on a [side, side, 2] view whose pixel (y, x) holds y * side + x, and minus
/// that in the second channel.
struct Outcome {
  std::vector<float> pixels;
  std::vector<std::int64_t> targets;
  ViewForm form;
};

Outcome outcome(const std::string& op, std::int64_t side, std::uint32_t sample) {
  const auto task = std::dynamic_pointer_cast<const TaskOp>(read_op(op));
  REQUIRE(task);
  Outcome out;
  out.form = task->form({side, side, 2});
  const std::int64_t plane = side * side;
  CanvasMemory memory;
  for (std::int64_t i = 0; i < 2 * plane; ++i)
    memory.pixels.push_back(static_cast<float>(i < plane ? i : plane - i));
  out.targets.resize(static_cast<std::size_t>(out.form.targets), -1);
  const image::Image none;
  Canvas canvas(none, {side, side, 2}, nullptr, memory, out.targets.data());
  Rng rng(7, Purpose::kView, 0, sample, 0);
  task->apply(rng, canvas);
  CHECK(canvas.pictures() == out.form.pictures);
  CHECK(canvas.shape().size() == out.form.shape.size());
  out.pixels.assign(canvas.pixels(), canvas.pixels() + out.form.size());
  return out;
}

std::int64_t distance(const TileOrder& a, const TileOrder& b) {
  std::int64_t n = 0;
  for (std::size_t i = 0; i < kTiles; ++i) n += a[i] != b[i];
  return n;
}

ViewGroup group_of(const std::string& crop, const std::string& task, const std::string& last) {
  ViewGroup group{1, {}};
  for (const std::string& text : {crop, task, last}) {
    const std::string name = text.substr(0, text.find(':'));
    group.ops.push_back({name, std::const_pointer_cast<ViewOp>(read_op(text))});
  }
  return group;
}

}  // namespace

TEST_CASE("rotation_classes: picture k is the view turned k times counter-clockwise", "[views]") {
  for (const std::int64_t n : {1, 2, 5}) {
    const Outcome got = outcome("rotation_classes", n, 0);
    REQUIRE(got.form.pictures == 4);
    CHECK(got.targets == std::vector<std::int64_t>{0, 1, 2, 3});
    std::vector<float> want(got.pixels.begin(), got.pixels.begin() + 2 * n * n);
    for (std::int64_t i = 0; i < n * n; ++i) CHECK(want[std::size_t(i)] == float(i));
    for (std::int64_t k = 1; k <= 4; ++k) {
      // Counter-clockwise: the last column becomes the first row.
      std::vector<float> turned(want.size());
      for (std::int64_t c = 0; c < 2; ++c)
        for (std::int64_t y = 0; y < n; ++y)
          for (std::int64_t x = 0; x < n; ++x)
            turned[std::size_t((c * n + y) * n + x)] =
                want[std::size_t((c * n + x) * n + n - 1 - y)];
      want = turned;
      CHECK(std::equal(want.begin(), want.end(), got.pixels.begin() + k % 4 * 2 * n * n));
    }
  }
}

TEST_CASE("rotation_classes: a drawn turn is one of the four, each as often, and named",
          "[views]") {
  const Outcome all = outcome("rotation_classes", 4, 0);
  std::array<int, 4> seen{};
  constexpr int kDraws = 4000;
  for (int i = 0; i < kDraws; ++i) {
    const Outcome got = outcome("rotation_classes: drawn", 4, static_cast<std::uint32_t>(i));
    REQUIRE(got.form.pictures == 1);
    const std::int64_t k = got.targets.at(0);
    REQUIRE((k >= 0 && k < 4));
    ++seen[static_cast<std::size_t>(k)];
    REQUIRE(std::equal(got.pixels.begin(), got.pixels.end(), all.pixels.begin() + k * 32));
  }
  // Four standard deviations of a binomial.
  for (const int n : seen) CHECK(std::abs(n - kDraws / 4) <= 4 * std::sqrt(kDraws * 0.25 * 0.75));
}

TEST_CASE("tile orders: each is the first of those that are farthest from the ones before",
          "[views]") {
  constexpr std::int64_t kCount = 25;
  const std::vector<TileOrder> got = choose_tile_orders(kCount);
  TileOrder order{};
  std::iota(order.begin(), order.end(), std::uint8_t{0});
  CHECK(got[0] == order);
  std::vector<TileOrder> all;  // in lexicographic order
  do all.push_back(order);
  while (std::next_permutation(order.begin(), order.end()));
  REQUIRE(all.size() == 362880);
  std::vector<std::int64_t> sum(all.size());
  for (std::size_t i = 0; i + 1 < kCount; ++i) {
    for (std::size_t j = 0; j < all.size(); ++j)
      sum[j] = all[j] == got[i] ? -1000000 : sum[j] + distance(all[j], got[i]);
    const auto best = std::max_element(sum.begin(), sum.end()) - sum.begin();
    CAPTURE(i);
    REQUIRE(got[i + 1] == all[static_cast<std::size_t>(best)]);
  }
}

TEST_CASE("tile orders: ten thousand are different orders of nine tiles, far apart, and nested",
          "[views]") {
  const std::vector<TileOrder> got = choose_tile_orders(10000);
  CHECK(std::set<TileOrder>(got.begin(), got.end()).size() == 10000);
  for (TileOrder order : got) {
    std::sort(order.begin(), order.end());
    for (std::size_t i = 0; i < kTiles; ++i) REQUIRE(order[i] == i);
  }
  const std::vector<TileOrder>& few = tile_orders(100);
  CHECK(std::equal(few.begin(), few.end(), got.begin()));
  CHECK(&tile_orders(100) == &few);
  // Two random orders agree in 1 of 9 places on average; the chosen ones keep to that from the
  // first on, as the mean distance can be no larger for so many.
  double mean = 0;
  for (std::size_t i = 0; i < few.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) mean += static_cast<double>(distance(few[i], few[j]));
  mean /= 100 * 99 / 2;
  CHECK(mean > 8.0);
}

TEST_CASE("jigsaw: place t shows a whole tile out of the cell that the order names", "[views]") {
  constexpr std::int64_t kSide = 32, kCell = 10, kTile = 7;  // two columns are left over
  std::array<int, 12> classes{};
  std::array<std::array<int, kCell - kTile + 1>, 2> offsets{};
  constexpr int kDraws = 3000;
  for (int i = 0; i < kDraws; ++i) {
    const Outcome got =
        outcome("jigsaw: {tile: 7, permutations: 12}", kSide, static_cast<std::uint32_t>(i));
    const std::int64_t k = got.targets.at(0);
    REQUIRE((k >= 0 && k < 12));
    ++classes[static_cast<std::size_t>(k)];
    const TileOrder& order = tile_orders(12)[static_cast<std::size_t>(k)];
    for (std::size_t t = 0; t < kTiles; ++t) {
      const float* tile = got.pixels.data() + t * 2 * kTile * kTile;
      const auto corner = static_cast<std::int64_t>(tile[0]);
      const std::int64_t top = corner / kSide - order[t] / 3 * kCell;
      const std::int64_t left = corner % kSide - order[t] % 3 * kCell;
      REQUIRE((top >= 0 && top <= kCell - kTile && left >= 0 && left <= kCell - kTile));
      ++offsets[0][static_cast<std::size_t>(top)];
      ++offsets[1][static_cast<std::size_t>(left)];
      for (std::int64_t p = 0; p < kTile * kTile; ++p) {
        const std::int64_t at = corner + p / kTile * kSide + p % kTile;
        REQUIRE(tile[p] == static_cast<float>(at));
        REQUIRE(tile[kTile * kTile + p] == static_cast<float>(-at));
      }
    }
  }
  // Five standard deviations of a binomial.
  for (const int n : classes)
    CHECK(std::abs(n - kDraws / 12.0) <= 5 * std::sqrt(kDraws / 12.0 * 11 / 12));
  for (const auto& axis : offsets)
    for (const int n : axis)
      CHECK(std::abs(n - 9 * kDraws / 4.0) <= 5 * std::sqrt(9 * kDraws / 4.0 * 3 / 4));
}

TEST_CASE("tasks: an operation out of place or too large is refused by name", "[views]") {
  const std::string crop = "center_crop: {size: 30, resize: 32}";
  CHECK(ops_problem(group_of(crop, "jigsaw: {tile: 10}", "normalize").ops).empty());
  CHECK(ops_problem(group_of(crop, "jigsaw: {tile: 11}", "normalize").ops) ==
        "must have a jigsaw tile of at most 10 pixels, a third of the crop's 30, got 11");
  ViewGroup late = group_of(crop, "rotation_classes", "normalize");
  late.ops.insert(late.ops.end() - 1, {"horizontal_flip", std::make_shared<HorizontalFlip>()});
  CHECK(ops_problem(late.ops) ==
        "must have rotation_classes right before normalize: what changes the view after it mixes "
        "up its classes; got it at place 1");
  CHECK(task_of(late.ops).name == "rotation_classes");
  CHECK(task_of(late.ops).classes == 4);
  CHECK(task_of(group_of(crop, "jigsaw: {tile: 10, permutations: 77}", "normalize").ops).classes ==
        77);
  CHECK(task_of(simclr_group(8).ops).name.empty());
}

TEST_CASE("tasks: pictures and classes lie in the sample's slot and depend on its key alone",
          "[views]") {
  const Pipeline p({group_of("center_crop: {size: 12, resize: 12}",
                             "jigsaw: {tile: 3, permutations: 1000}",
                             "normalize"),
                    group_of("random_crop: {size: 6}", "rotation_classes", "normalize")},
                   9);
  ViewWork work(p);
  REQUIRE(p.form(0).size() == 9 * 3 * 3 * 3);
  REQUIRE(p.form(1).size() == 4 * 6 * 6 * 3);
  CHECK(p.crop_side(0) == 12);
  const auto run = [&](std::int64_t slot, std::int64_t epoch, std::int64_t sample) {
    data::Batch batch;
    for (const data::ViewSize& size : work.view_sizes()) {
      batch.views.emplace_back(static_cast<std::size_t>(2 * size.floats), -1000.0f);
      batch.targets.emplace_back(static_cast<std::size_t>(2 * size.targets), -1);
    }
    work.run(noise_image(20, 30, 4), epoch, sample, slot, batch);
    return batch;
  };
  const data::Batch first = run(0, 3, 5), second = run(1, 3, 5);
  for (std::size_t v = 0; v < 2; ++v) {
    const auto half = [](const auto& values, bool back) {
      const auto n = static_cast<std::ptrdiff_t>(values.size() / 2);
      return std::vector(values.begin() + (back ? n : 0), values.end() - (back ? 0 : n));
    };
    CHECK(half(first.views[v], false) == half(second.views[v], true));
    CHECK(half(first.targets[v], false) == half(second.targets[v], true));
    for (const float x : half(first.views[v], true)) REQUIRE(x == -1000.0f);
    for (const std::int64_t k : half(first.targets[v], true)) REQUIRE(k == -1);
  }
  CHECK(run(0, 4, 5).targets[0][0] != first.targets[0][0]);
  CHECK(run(0, 3, 6).targets[0][0] != first.targets[0][0]);
}

TEST_CASE("normalize: per_picture gives each tile mean 0 and unbiased deviation 1", "[views]") {
  const Pipeline p({group_of("center_crop: {size: 30, resize: 30}",
                             "jigsaw: {tile: 9}",
                             "normalize: {per_picture: true}")},
                   1);
  const std::int64_t n = 81;
  std::vector<float> view(static_cast<std::size_t>(p.form(0).size()));
  std::int64_t target = -1;
  p.run(noise_image(40, 40, 2), 0, 0, 0, view.data(), &target);
  for (std::int64_t t = 0; t < kTiles; ++t) {
    for (std::int64_t c = 0; c < 3; ++c) {
      double sum = 0, squares = 0;
      for (std::int64_t i = 0; i < n; ++i) {
        const double x = view[static_cast<std::size_t>((t * n + i) * 3 + c)];
        sum += x;
        squares += x * x;
      }
      CHECK(sum / n == Approx(0).margin(1e-6));
      CHECK(squares / (n - 1) == Approx(1).margin(1e-5));
    }
  }
  image::Image flat;
  flat.reshape(30, 30, 3);
  std::fill(flat.pixels.begin(), flat.pixels.end(), std::uint8_t{77});
  p.run(flat, 0, 0, 0, view.data(), &target);
  for (const float x : view) REQUIRE(std::abs(x) < 1e-6f);
}

TEST_CASE("to_image: the pictures of a view lie in a square, a pixel apart", "[views]") {
  const ViewForm form{{2, 3, 1}, 3, 0};
  std::vector<float> pixels(18, 0.0f);
  std::fill(pixels.begin() + 12, pixels.end(), 1.0f);
  const image::Image got = to_image(pixels.data(), form);
  REQUIRE(got.width == 7);
  REQUIRE(got.height == 5);
  const auto at = [&](std::int64_t y, std::int64_t x) {
    return int(got.pixels[static_cast<std::size_t>((y * 7 + x) * 3)]);
  };
  CHECK(at(0, 0) == 0);
  CHECK(at(1, 6) == 0);
  CHECK(at(0, 3) == 128);
  CHECK(at(2, 0) == 128);
  CHECK(at(3, 0) == 255);
  CHECK(at(4, 2) == 255);
  CHECK(at(4, 4) == 128);  // no fourth picture
}

TEST_CASE("random_crop: a window of the image with black around it, each place as likely",
          "[views]") {
  const auto crop = std::dynamic_pointer_cast<const CropOp>(
      read_op("random_crop: {size: 4, resize: 5, padding: 2}"));
  const image::Image image = noise_image(5, 7, 3);  // the short side has its size already
  std::set<std::pair<std::int64_t, std::int64_t>> places;
  for (std::uint32_t sample = 0; sample < 600; ++sample) {
    CanvasMemory memory{.pixels = std::vector<float>(48, -1.0f)};
    Canvas canvas(image, {4, 4, 3}, nullptr, memory);
    Rng rng(7, Purpose::kView, 0, sample, 0);
    crop->apply(rng, canvas);
    std::int64_t matches = 0;
    for (std::int64_t top = -2; top <= 3; ++top) {
      for (std::int64_t left = -2; left <= 5; ++left) {
        bool same = true;
        for (std::int64_t i = 0; i < 48 && same; ++i) {
          const std::int64_t c = i / 16, y = top + i % 16 / 4, x = left + i % 4;
          const bool inside = y >= 0 && y < 5 && x >= 0 && x < 7;
          const float want =
              inside ? float(image.pixels[static_cast<std::size_t>((y * 7 + x) * 3 + c)]) / 255.0f
                     : 0.0f;
          same = std::abs(memory.pixels[static_cast<std::size_t>(i)] - want) < 1e-6f;
        }
        matches += same;
        if (same) places.insert({top, left});
      }
    }
    REQUIRE(matches == 1);
  }
  CHECK(places.size() == 6 * 8);  // 600 draws leave one of 48 out with probability 1.5e-4
}

}  // namespace sslrun::views
