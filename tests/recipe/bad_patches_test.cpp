// Recipes whose vision transformer is none, or whose patches a method cannot use.
#include "tests/recipe/support.h"
#include "tests/support/catch.h"

#include <string>
#include <vector>

namespace sslrun::recipe {
namespace {

struct Bad {
  std::string method, encoder;  // in place of those of kGood
  std::int64_t views;
  std::string key, phrase;  // of the one mistake: where, and part of what is said
};

const std::vector<Bad>& table() {
  static const std::vector<Bad> bad = {
      {"{name: simclr}",
       "{name: vit_tiny, patch_size: 4, image_size: 32, heads: 5}",
       2,
       "encoder.heads",
       "must divide the 192 features, got 5"},
      {"{name: simclr}",
       "{name: vit_tiny, patch_size: 4, image_size: 30}",
       2,
       "encoder.image_size",
       "must be a multiple of patch_size 4, got 30"},
      {"{name: simclr}",
       "{name: vit_tiny, patch_size: 4, image_size: 32, class_token: false}",
       2,
       "encoder.pool",
       "must be mean where there is no class token"},
      {"{name: simclr}",
       "{name: vit_tiny, patch_size: 4, image_size: 32, heads: 32, positions: rotary}",
       2,
       "encoder.positions",
       "where a head has 6 features"},
      {"{name: simclr}",
       "{name: vit_tiny, patch_size: 4, image_size: 28, positions: relative}",
       2,
       "encoder",
       "must have an image_size of the largest views' 32 pixels or more where positions are "
       "relative, got 28"},
      {"{name: simclr}",
       "{name: vit_tiny, patch_size: 12, image_size: 36}",
       2,
       "encoder",
       "must have a patch_size that divides the views' 32 pixels, got 12"},
      {"{name: mae}", "{name: resnet18}", 1, "encoder", "must be a vision transformer for mae"},
      {"{name: mae}",
       "{name: vit_tiny, patch_size: 32, image_size: 32}",
       1,
       "encoder",
       "0 of 1 are kept"},
      {"{name: mae, decoder: {width: 30, heads: 3}}",
       "{name: vit_tiny, patch_size: 4, image_size: 32}",
       1,
       "method.decoder.width",
       "must be a multiple of 4, got 30"},
      {"{name: simmim, mask_size: 12}",
       "{name: vit_tiny, patch_size: 4, image_size: 32}",
       1,
       "encoder",
       "divides mask_size 12, which divides the views' 32 pixels, got 4"},
      {"{name: ijepa}",
       "{name: vit_tiny, patch_size: 4, image_size: 32}",
       1,
       "encoder",
       "got blocks of 9 to predict and of 49 to see among 8 x 8"},
      {"{name: ijepa, min_keep: 6, predictor: {width: 96, heads: 5}}",
       "{name: vit_tiny, patch_size: 4, image_size: 32}",
       1,
       "method.predictor.heads",
       "must divide the width 96, got 5"},
  };
  return bad;
}

}  // namespace

TEST_CASE("recipe: patches that do not fit are told before data is read", "[recipe]") {
  const Workplace place;
  for (const Bad& bad : table()) {
    std::string text = replaced(kGood, "\n  name: simclr\n  temperature: 0.5", " " + bad.method);
    text = replaced(text, "{name: resnet18, stem: cifar, width: 8}", bad.encoder);
    text = replaced(text, "views: 2", "views: " + std::to_string(bad.views));
    INFO(text);
    const std::vector<config::Diagnostic> mistakes = place.mistakes(text);
    REQUIRE(mistakes.size() == 1);
    CHECK(std::string(mistakes[0].code) == "E0207");
    CHECK(mistakes[0].key == bad.key);
    CHECK_THAT(mistakes[0].what, Catch::Contains(bad.phrase));
  }
}

}  // namespace sslrun::recipe
