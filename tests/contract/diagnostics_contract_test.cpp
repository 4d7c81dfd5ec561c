// What a diagnosed step tells of each method's embeddings, teacher, prototypes and contrast.
#include "tests/contract/setting.h"
#include "tests/support/torch_catch.h"
#include "train/diagnose.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace sslrun;
using test::Run;
using test::Setting;

using Names = std::vector<std::string>;

const Names kEmbedded = {"embedding_std", "rank_me", "effective_rank", "uniformity"};
const Names kContrast = {"positive_cosine", "negative_cosine", "contrastive_top1"};
const Names kFollower = {"ema_distance", "ema_momentum"};
const Names kTeacher = {"teacher_entropy", "teacher_kl", "prototypes_used", "teacher_temperature"};

/// Beside kEmbedded; a method that is not here needs none of it.
const std::map<std::string, std::vector<Names>> kTold = {
    {"simclr", {kContrast}},
    {"moco", {kContrast, kFollower}},
    {"mocov3", {kContrast, kFollower}},
    {"byol", {kFollower}},
    {"swav", {{"teacher_entropy", "teacher_kl", "prototypes_used"}}},
    {"deepcluster_v2", {{"prototypes_used"}}},
    {"dino", {kTeacher, kFollower}},
    {"ibot", {kTeacher, kFollower}},
    {"dinov2", {kTeacher, kFollower}},
    {"ijepa", {kFollower}},
};
/// Of these the encoder's ranks alone are told, at its evaluation: their losses see no embedding, or, in
/// the DINO family, one that hardly varies at the start.
const Names kWithoutEmbedding = {"rotnet", "jigsaw", "denoising", "dino", "ibot", "dinov2"};

}  // namespace

TEST_CASE("every method: a diagnosed step tells how its parts stand", "[contract][methods]") {
  for (const std::string& name : test::names()) {
    INFO(name);
    const Setting setting(name);
    Run run(setting);
    run.watch(setting.first_epoch());
    run.step(setting.batches[0]);
    run.diagnose = true;
    run.step(setting.batches[1]);
    std::map<std::string, double> told;
    for (const auto& [key, value] : run.result.scalars) told[key] = ops::value(value);
    for (const auto& [key, value] : train::describe(run.result.embeddings)) told[key] = value;
    Names wanted;
    if (std::count(kWithoutEmbedding.begin(), kWithoutEmbedding.end(), name) == 0)
      wanted = kEmbedded;
    if (const auto more = kTold.find(name); more != kTold.end())
      for (const Names& names : more->second)
        wanted.insert(wanted.end(), names.begin(), names.end());
    for (const std::string& key : wanted) {
      INFO(key);
      REQUIRE(told.contains(key));
      CHECK(std::isfinite(told.at(key)));
    }
    if (told.contains("ema_distance")) {
      CHECK(told.at("ema_distance") > 0);  // a step was taken since they were equal
      CHECK(told.at("ema_distance") < 1);
      CHECK(told.at("ema_momentum") >= 0.9);
      CHECK(told.at("ema_momentum") < 1);
    }
    if (told.contains("teacher_kl")) CHECK(told.at("teacher_kl") > 0);
  }
}
