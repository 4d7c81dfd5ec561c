#include "train/run_state.h"

#include "base/error.h"
#include "tests/recipe/support.h"
#include "tests/support/torch_catch.h"

#include <string>

namespace {

using namespace sslrun;

/// What `work` says when it is refused, with its exit code in front; "" where it is not.
template <typename Work>
std::string refusal(Work&& work) {
  try {
    work();
  } catch (const Error& e) {
    return std::to_string(e.exit_code()) + ": " + e.what();
  }
  return "";
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

train::RunState run_of(const recipe::LoadedRecipe& loaded) {
  return train::fingerprints(loaded, recipe::open_data(loaded));
}

}  // namespace

TEST_CASE("run state: every field comes back from state.json", "[train][state]") {
  const train::RunState saved{.step = 120,
                              .evaluated_step = 58,
                              .time_s = 0.1,  // not a binary fraction
                              .knn = 0.803,
                              .knn_untrained = 0.481,
                              .precision = "bf16",
                              .training_hash = "0123456789abcdef",
                              .recipe = R"({"version":1,"method":{"name":"simclr"}})",
                              .data = "fedcba9876543210",
                              .bad_images = {{7, "a/\xC3\xA4 \"b\".jpg", "ends too early"},
                                             {1L << 40, "c.png", "no header"}},
                              .left_out = {7, 121}};
  const train::RunState back = train::decode_state(train::encode_state(saved));
  CHECK(back.step == 120);
  CHECK(back.evaluated_step == 58);
  CHECK(back.time_s == 0.1);
  CHECK(back.knn == 0.803);
  CHECK(back.knn_untrained == 0.481);
  CHECK(back.precision == "bf16");
  CHECK(back.training_hash == saved.training_hash);
  CHECK(back.recipe == saved.recipe);
  CHECK(back.data == saved.data);
  REQUIRE(back.bad_images.size() == 2);
  CHECK(back.bad_images[0].sample == 7);
  CHECK(back.bad_images[0].name == saved.bad_images[0].name);
  CHECK(back.bad_images[0].reason == "ends too early");
  CHECK(back.bad_images[1].sample == 1L << 40);
  CHECK(back.left_out == saved.left_out);
}

TEST_CASE("run state: a file name that is no UTF-8 does not keep a run from being saved",
          "[train][state]") {
  train::RunState state;
  state.recipe = "{}";
  state.bad_images = {{0, "latin-\xE4.jpg", "empty"}};
  CHECK(train::decode_state(train::encode_state(state)).bad_images.at(0).name ==
        "latin-\xEF\xBF\xBD.jpg");
}

TEST_CASE("run state: text that sslrun did not write is a CheckpointError", "[train][state]") {
  train::RunState state;
  state.recipe = "{}";
  const std::string good = train::encode_state(state);
  for (const std::string& bad : {std::string(),
                                 std::string("{}"),
                                 std::string("[1]"),
                                 good.substr(0, good.size() / 2),
                                 recipe::replaced(good, "\"step\": 0", "\"step\": \"zero\"")}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(train::decode_state(bad), CheckpointError);
  }
  CHECK(has(refusal([&] {
              train::decode_state(recipe::replaced(good, "\"version\": 1", "\"version\": 2"));
            }),
            "5: state.json must have version 1, got 2"));
}

TEST_CASE(
    "run state: the same recipe written otherwise is the same run; what trains differently is "
    "named",
    "[train][state]") {
  const recipe::Workplace place;
  const train::RunState saved = run_of(place.load(recipe::kGood));
  const auto answer = [&](const std::string& text, const std::vector<std::string>& overrides = {}) {
    return refusal(
        [&] { train::require_same_run(saved, run_of(place.load(text, overrides)), "runs/r"); });
  };
  CHECK(answer(recipe::kGood).empty());
  CHECK(answer("# a comment\n" +
               recipe::replaced(recipe::kGood, "temperature: 0.5", "temperature: 5.0e-1"))
            .empty());
  CHECK(answer(recipe::kGood, {"checkpoint.keep_last=7"}).empty());  // changes no number of the run
  CHECK(answer(recipe::kGood, {"train.on_nonfinite=rollback"}).empty());

  const std::string changed = answer(recipe::kGood, {"optimizer.lr=0.2", "method.temperature=0.4"});
  CHECK(has(changed, "3: the recipe must be the one that the run in 'runs/r' was started with"));
  CHECK(has(changed, "\n  method.temperature: 0.5 -> 0.4\n"));
  CHECK(has(changed, "\n  optimizer.lr: 0.1 -> 0.2\n"));
  CHECK(has(changed, "--overwrite"));
  CHECK(!has(changed, "epochs"));
}

TEST_CASE("run state: another list of images is refused, whatever the recipe calls it",
          "[train][state]") {
  const recipe::Workplace place;
  const recipe::LoadedRecipe loaded = place.load(recipe::kGood);
  const train::RunState saved = run_of(loaded);
  place.write("train/b/4.png", "one more");
  const std::string text =
      refusal([&] { train::require_same_run(saved, run_of(loaded), "runs/r"); });
  CHECK(has(text, "4: data.train must hold the images that the run in 'runs/r' was started with"));
  CHECK(has(text, saved.data));
}
