#include "train/run_folder.h"

#include "base/error.h"
#include "base/file.h"
#include "tests/recipe/support.h"
#include "tests/support/torch_catch.h"

#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <string>

using namespace sslrun;
namespace fs = std::filesystem;

TEST_CASE("run folder: made with its parents, held while it lives, free afterwards",
          "[train][folder]") {
  const test::TempFolder place;
  const std::string path = place.path("runs/deep/r");
  {
    const train::RunFolder first(path);
    CHECK(fs::is_directory(path));
    try {
      const train::RunFolder second(path);
      FAIL("the second holder must be refused");
    } catch (const StorageError& e) {
      CHECK_THAT(e.what(),
                 Catch::Contains("another process holds it (process " + std::to_string(getpid()) +
                                 " on "));
    }
  }
  CHECK_NOTHROW(train::RunFolder(path));
}

TEST_CASE(
    "run folder: five starts that gain no step are enough, and each gain starts the count anew",
    "[train][folder]") {
  const test::TempFolder place;
  const train::RunFolder folder(place.path("r"));
  for (int i = 0; i < 4; ++i) folder.note_start(0);
  folder.note_start(10);  // it had saved a step
  for (int i = 0; i < 4; ++i) folder.note_start(10);
  place.write("r/status.json", R"({"state": "failed", "reason": "the disk is full"})");
  try {
    folder.note_start(10);
    FAIL("a sixth start from the same step must be refused");
  } catch (const CheckpointError& e) {
    CHECK_THAT(e.what(),
               Catch::Contains("last 5 from step 10") && Catch::Contains("the disk is full") &&
                   Catch::Contains("starts.json"));
  }
  CHECK_NOTHROW(folder.note_start(20));
  for (int i = 0; i < 20; ++i) {  // stopped by a signal, again and again
    folder.note_start(30);
    folder.note_end();
  }
  const auto old = std::to_string(std::time(nullptr) - 4000);
  std::string starts;
  for (int i = 0; i < 5; ++i)
    starts += (i == 0 ? "[" : ",") + ("{\"step\":30,\"time\":" + old + "}");
  place.write("r/starts.json", starts + "]");
  CHECK_NOTHROW(folder.note_start(30));
  place.write("r/starts.json", "{torn");
  CHECK_NOTHROW(folder.note_start(30));
}

TEST_CASE("run folder: somebody else's files are refused and left as they are", "[train][folder]") {
  const test::TempFolder place;
  place.write("photos/one.jpg", "precious");
  CHECK_THROWS_AS(train::RunFolder(place.path("photos")), UsageError);
  CHECK(read_file(place.path("photos/one.jpg")) == "precious");
  CHECK(!fs::exists(place.path("photos/LOCK")));

  place.write("file", "not a folder");
  CHECK_THROWS_AS(train::RunFolder(place.path("file/r")), StorageError);
}

TEST_CASE("run folder: clear removes what sslrun wrote and nothing else", "[train][folder]") {
  const test::TempFolder place;
  const train::RunFolder folder(place.path("r"));
  for (const char* name : {"recipe.yaml",
                           "metrics.jsonl",
                           "status.json",
                           "checkpoints/step-00000001/model.safetensors",
                           "tensorboard/events.out",
                           "previews/views.png",
                           "notes.txt",
                           "figures/knn.png"}) {
    place.write(std::string("r/") + name, "text");
  }
  folder.clear();
  std::set<std::string> left;
  for (const auto& entry : fs::directory_iterator(folder.path()))
    left.insert(entry.path().filename().string());
  CHECK(left == std::set<std::string>{"LOCK", "notes.txt", "figures"});
}

TEST_CASE("run folder: the recipe is kept byte for byte beside what it means and what it ran on",
          "[train][folder]") {
  const recipe::Workplace place;
  const std::string text = "# my first run\n" + recipe::kGood;
  const recipe::LoadedRecipe loaded = place.load(text);
  const recipe::OpenedData data = recipe::open_data(loaded);
  const train::RunFolder folder(place.path("r"));
  folder.describe(loaded, data, "cpu");
  CHECK(read_file(folder.path() / "recipe.yaml") == place.expand(text));
  CHECK_THAT(read_file(folder.path() / "data.manifest"),
             Catch::Contains(data.train->fingerprint()));
  CHECK_THAT(read_file(folder.path() / "env.json"), Catch::Contains("\"device\": \"cpu\""));
  const recipe::LoadedRecipe again =
      recipe::load_recipe((folder.path() / "recipe.resolved.yaml").string(), {});
  CHECK(recipe::training_hash(again.recipe) == recipe::training_hash(loaded.recipe));
}
