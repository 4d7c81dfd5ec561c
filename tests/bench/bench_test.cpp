#include "bench/bench.h"

#include "base/error.h"
#include "bench/case.h"
#include "bench/images.h"
#include "bench/loss.h"
#include "bench/memory.h"
#include "bench/method_step.h"
#include "bench/report.h"
#include "bench/step.h"
#include "image/decode.h"
#include "methods/method_configs.h"
#include "ops/threads.h"
#include "tests/support/torch_catch.h"

#include <nlohmann/json.hpp>

#include <fstream>
#include <set>
#include <span>

namespace {

using namespace sslrun;
using namespace sslrun::bench;

image::Image decoded(const std::string& bytes) {
  image::Image out;
  image::decode(std::as_bytes(std::span(bytes)), out);
  return out;
}

const Case& find(std::string_view name) {
  for (const Case* c : all_cases()) {
    if (c->name == name) return *c;
  }
  throw Error(1, "no such case");
}

std::string message_of(const BenchOptions& options) {
  try {
    run_bench(options);
  } catch (const UsageError& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("bench: the spread is the median, least and most, of even and odd numbers of samples",
          "[bench]") {
  const Spread odd = spread_of({3, 1, 2}), even = spread_of({4, 1, 2, 30});
  CHECK(odd.median == 2);
  CHECK(even.median == 3);
  CHECK(even.min == 1);
  CHECK(even.max == 30);
}

TEST_CASE("bench: a ratio above 1 is better for ours, for times and for rates", "[bench]") {
  Line ours{.tool = "sslrun",
            .name = "a",
            .unit = "ms",
            .samples = {10, 20},
            .rss_mb = 5,
            .versions = {},
            .note = {},
            .ratio = {},
            .rss_ratio = {}};
  Line theirs = ours;
  theirs.name = "a_eager";
  theirs.samples = {30, 30};
  theirs.rss_mb = 50;
  const Line times = compare(ours, theirs);
  CHECK(times.name == "a_eager_ratio");
  CHECK(*times.ratio == Approx(2));
  CHECK(times.samples == std::vector<double>{3, 1.5});
  CHECK(*times.rss_ratio == Approx(10));
  ours.unit = theirs.unit = "images/s";
  CHECK(*compare(ours, theirs).ratio == Approx(0.5));
}

TEST_CASE("bench: a line of JSON holds what scripts read", "[bench]") {
  const Line line{.tool = "sslrun",
                  .name = "a",
                  .unit = "ms",
                  .samples = {1.23456789, 2, 3},
                  .rss_mb = {},
                  .versions = {{"libtorch", "2"}},
                  .note = "n",
                  .ratio = {},
                  .rss_ratio = {}};
  const auto json = nlohmann::json::parse(to_json(line));
  for (const char* key :
       {"tool", "case", "unit", "samples", "median", "min", "max", "reps", "rss_mb", "versions"})
    CHECK(json.contains(key));
  CHECK(json["reps"] == 3);
  CHECK(json["min"] == 1.23457);
  CHECK(json["rss_mb"].is_null());
}

TEST_CASE("bench: the most that was resident counts memory that is gone again", "[bench]") {
  REQUIRE(reset_peak());
  const double before = resident_mb();
  { const std::vector<char> held(64 << 20, 1); }
  CHECK(peak_resident_mb() - before > 60);
  REQUIRE(reset_peak());
  CHECK(peak_resident_mb() - before < 30);
  CHECK(proportional_mb() > 0);
}

TEST_CASE(
    "bench: synthetic images are good JPEGs of the size asked for, all different, and gone in the "
    "end",
    "[bench]") {
  const std::string one = synthetic_jpeg(50, 37, 1);
  CHECK(one != synthetic_jpeg(50, 37, 2));
  CHECK(one == synthetic_jpeg(50, 37, 1));
  CHECK(decoded(one).width == 50);
  CHECK(decoded(one).height == 37);
  std::filesystem::path path;
  {
    const JpegFolder folder("", 1, 3, 20, 10);
    path = folder.path();
    CHECK(folder.files().size() == 3);
    CHECK(folder.note().find("synthetic") != std::string::npos);
  }
  CHECK(!std::filesystem::exists(path));
}

TEST_CASE("bench: a folder with too few JPEGs is a mistake in the data", "[bench]") {
  const TempFolder folder;
  std::filesystem::create_directory(folder.path() / "below");
  std::ofstream(folder.path() / "below" / "a.JPEG") << synthetic_jpeg(8, 8, 0);
  std::ofstream(folder.path() / "notes.txt") << "no image";
  CHECK(JpegFolder(folder.path().string(), 1, 9, 9, 9).files().size() == 1);
  CHECK_THROWS_AS(JpegFolder(folder.path().string(), 2, 9, 9, 9), DataError);
  CHECK_THROWS_AS(JpegFolder((folder.path() / "absent").string(), 1, 9, 9, 9), DataError);
}

TEST_CASE("bench: a bad image among the files is named", "[bench]") {
  const TempFolder folder;
  for (std::uint32_t i = 0; i < 64; ++i) {
    std::ofstream(folder.path() / ("a" + std::to_string(i) + ".jpg"))
        << synthetic_jpeg(16, 16, i).substr(0, i == 7 ? 200 : 1 << 20);
  }
  for (const char* name : {"decode_imagenet256", "views_simclr"}) {
    INFO(name);
    std::string what;
    try {
      const Prepared prepared =
          find(name).prepare({.threads = 2, .data = folder.path().string(), .program = ""});
      prepared.contenders[0].once();
    } catch (const DataError& e) {
      what = e.what();
    }
    CHECK(what.find("a7.jpg") != std::string::npos);
  }
}

TEST_CASE("bench: mistakes on the command line say what to do", "[bench]") {
  CHECK(message_of({.cases = {"viewssimclr"}, .data = "", .json = false})
            .find("did you mean 'views_simclr'?") != std::string::npos);
  CHECK(
      message_of({.cases = {"loss"}, .threads = -1, .data = "", .json = false}).find("--threads") !=
      std::string::npos);
  CHECK(message_of({.cases = {"loss"}, .reps = 0, .data = "", .json = false}).find("--reps") !=
        std::string::npos);
  CHECK(message_of({.cases = {}, .data = "", .json = false}).find("bench list") !=
        std::string::npos);
  CHECK(message_of({.cases = {"step"}, .method = "simsiamm", .data = ""})
            .find("did you mean simsiam?") != std::string::npos);
  CHECK(message_of({.cases = {"loss"}, .method = "all", .data = ""}).find("name the group step") !=
        std::string::npos);
}

TEST_CASE("bench: case names are apart and every group has one", "[bench]") {
  std::set<std::string_view> names, groups;
  for (const Case* c : all_cases()) {
    CHECK(names.insert(c->name).second);
    groups.insert(c->group);
  }
  CHECK(groups == std::set<std::string_view>{
                      "checkpoint", "loader", "loss", "optim", "processes", "step", "startup"});
}

TEST_CASE("bench: ours and the official form of every loss run, and the small training step",
          "[bench]") {
  for (const Prepared& loss : {prepare_ntxent(96, 17),
                               prepare_dino(3, 50, 2),
                               prepare_barlow(9, 20),
                               prepare_vicreg(9, 20),
                               prepare_info_nce_queue(6, 40),
                               prepare_sinkhorn(20, 7),
                               prepare_patches(9, 40)}) {
    REQUIRE(loss.contenders.size() == 2);
    CHECK(loss.contenders[1].suffix == "_eager");
    for (const Contender& c : loss.contenders) CHECK_NOTHROW(c.once());
  }
  const Prepared step = prepare_simclr_step({.images = 4, .side = 8, .width = 4});
  REQUIRE(!step.contenders.empty());
  CHECK(step.contenders[0].items == 8);
  for (const Contender& c : step.contenders) CHECK_NOTHROW(c.once());
}

TEST_CASE("bench: every method takes a step as its shipped recipe has it", "[bench]") {
  ops::use_threads(1);
  const std::vector<Case> all = method_cases("all");
  REQUIRE(all.size() == methods::method_specs().size());
  for (const Case& c : all) {
    INFO(c.name);
    const Prepared prepared = c.prepare({});
    REQUIRE(prepared.contenders.size() == 1);
    CHECK(prepared.contenders[0].items > 0);
    CHECK_NOTHROW(prepared.contenders[0].once());
  }
  const std::vector<Case> one = method_cases("byol");
  REQUIRE(one.size() == 1);
  CHECK(one[0].name == "step_byol");
  CHECK(one[0].prepare({}).contenders[0].items == 2 * 64);
}
