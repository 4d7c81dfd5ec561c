// Recipes whose method does not go with their views, encoder, batch or data.
#include "tests/recipe/bad.h"

namespace sslrun::recipe {

TEST_CASE("recipe: what a method needs and does not get is said, with code and place", "[recipe]") {
  const std::vector<Bad> table = {
      {"  name: simclr\n  temperature: 0.5",
       "  name: swav\n  prototypes: 4",
       {"augmentations[0].views=11"},
       {{"E0207",
         "augmentations",
         "must make 2 to 10 views of each image for swav, got 11",
         ":9:3"}}},
      {"  name: simclr\n  temperature: 0.5",
       "  name: dino",
       {"augmentations=`[{views: 1, ops: [random_resized_crop: {size: 32}, normalize]}, {views: 2, "
        "ops: [random_resized_crop: {size: 16}, normalize]}]"},
       {{"E0207",
         "augmentations",
         "must begin with 2 global views of one size for dino, got 32 and 16 pixels"}}},
      {"  name: simclr\n  temperature: 0.5",
       "  name: swav\n  prototypes: 9\n  queue: 4",
       {},
       {{"E0207",
         "train.batch_size",
         "must, a micro-batch of 4 with method.queue's 4, reach method.prototypes, 9",
         ":16:21"}}},
      {"  name: simclr\n  temperature: 0.5",
       "  name: swav\n  prototypes: 4\n  queue: 6",
       {},
       {{"E0207", "train.batch_size", "must divide method.queue, 6", ":16:21"}}},
      {"  name: simclr\n  temperature: 0.5\nencoder: {",
       "  name: ibot\nencoder: `{",
       {},
       {{"E0207", "encoder", "must be a vision transformer for ibot, which works on patches"}}},
      {"  name: simclr\n  temperature: 0.5\nencoder: {name: resnet18, stem: cifar, width: 8}",
       "  name: dinov2\nencoder: `{name: vit_tiny, patch_size: 4, image_size: 32, class_token: "
       "false, pool: mean}",
       {},
       {{"E0207", "encoder", "must have class_token: true for dinov2"}}},
      {"  name: simclr\n  temperature: 0.5",
       "  `name: deepcluster_v2\n  prototypes: 9",
       {},
       {{"E0502",
         "method",
         "must need at most the number of training images, 8, but deepcluster_v2 with these keys "
         "needs 9"}}},
      {"  name: simclr\n  temperature: 0.5",
       "  name: moco\n  queue: 8",
       {"train.accumulate_negatives=`full"},
       {{"E0207",
         "train.accumulate_negatives",
         "must be micro for moco (its negatives are the keys of past batches, "}}},
      {"  name: simclr\n  temperature: 0.5",
       "  name: byol",
       {"train.accumulate_negatives=`full"},
       {{"E0207",
         "train.accumulate_negatives",
         "must be micro for byol (it has no negatives), got full | leave it out"}}},
      {"  name: simclr\n  temperature: 0.5",
       "  name: simclr\n  temperature: 0.5",
       {"train.accumulate_negatives=`all"},
       {{"E0204", "train.accumulate_negatives", "must be one of micro, full; got 'all'"}}},
  };
  const Workplace work;
  for (const Bad& bad : table) check_entry(work, bad);
}

TEST_CASE(
    "recipe: patches divide the tiles of a puzzle, and the crop that evaluation looks at whole",
    "[recipe]") {
  const Workplace work;
  const auto told = [&](int crop, int tile) {
    std::string text = replaced(kGood, "  name: simclr\n  temperature: 0.5", "  name: jigsaw");
    text = replaced(text,
                    "{name: resnet18, stem: cifar, width: 8}",
                    "{name: vit_tiny, patch_size: 4, image_size: 12}");
    text = replaced(text, "views: 2", "views: 1");
    text = replaced(
        text,
        "random_resized_crop: {size: 32}",
        fmt::format("random_crop: {{size: {}}}\n      - jigsaw: {{tile: {}}}", crop, tile));
    const std::vector<config::Diagnostic> mistakes = work.mistakes(text);
    for (const config::Diagnostic& d : mistakes) CHECK(d.key == "encoder");
    return mistakes.empty() ? "" : mistakes[0].what;
  };
  CHECK(told(36, 12) == "");
  CHECK(told(36, 10) ==
        "must have a patch_size that divides the 10 pixels of jigsaw's pictures, got 4");
  CHECK(told(38, 12) == "must have a patch_size that divides the views' 38 pixels, got 4");
}

}  // namespace sslrun::recipe
