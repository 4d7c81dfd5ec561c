#include "app/commands/data_pack.h"

#include "app/commands/data_source.h"
#include "base/error.h"
#include "data/pack.h"
#include "data/shards.h"
#include "views/recode.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <string>

namespace sslrun::app {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kExamples = 5;
constexpr std::int64_t kMegabyte = 1'000'000;

struct Options : SourceOptions {
  std::string out, split = "train";
  std::int64_t shard_megabytes = 256, shard_images = 0;
  views::RecodeOptions recode;
};

void report(const Options& o, const data::PackResult& r) {
  if (o.json) {
    Json bad = Json::array();
    for (const data::BadFile& b : r.bad) bad.push_back({{"name", b.name}, {"reason", b.reason}});
    const Json out{{"images", r.images},
                   {"shards", r.shards},
                   {"bytes", r.bytes},
                   {"recoded", r.recoded},
                   {"bad", bad}};
    return fmt::print("{}\n", out.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  fmt::print("images: {}, {} of them written anew\nshards: {}, {:.1f} MB in '{}'\n",
             r.images,
             r.recoded,
             r.shards,
             static_cast<double>(r.bytes) / kMegabyte,
             o.out);
  if (r.bad.empty()) return;
  fmt::print("left out, since they cannot be used: {}; '{}/{}' lists them\n",
             r.bad.size(),
             o.out,
             data::kPackFile);
  for (std::size_t i = 0; i < std::min(r.bad.size(), kExamples); ++i)
    fmt::print("    {}  {}\n", r.bad[i].name, r.bad[i].reason);
}

void pack(const Options& o) {
  const bool recodes = !o.recode.words().empty();
  if (recodes && !image::is_picture(o.pixels)) {
    throw UsageError(
        fmt::format("--resize and --quality need images of 1 or 3 channels, and --channels is {}: "
                    "leave them out",
                    o.pixels.channels));
  }
  const auto source = o.open(o.path, o.split == "train" ? data::Split::kTrain : data::Split::kTest);
  data::PackOptions options{.shard_bytes = o.shard_megabytes * kMegabyte,
                            .shard_images = o.shard_images,
                            .recode = {},
                            .recoding = o.recode.words()};
  if (recodes) {
    options.recode = [&o](std::span<const std::byte> bytes) {
      return views::recode(bytes, o.recode);
    };
  }
  report(o, data::pack(*source, o.out, options, image_progress(source->size(), "packed")));
}

}  // namespace

void add_data_pack(CLI::App& data) {
  auto o = std::make_shared<Options>();
  CLI::App* cmd = data.add_subcommand(
      "pack", "Write images as tar shards (WebDataset's layout), which data.train takes");
  cmd->footer(
      "Bytes stay as they are unless --resize or --quality is given; images with transparency or "
      "16\n"
      "bits a channel keep theirs even then. Stopped and called again, it goes on where it was.\n"
      "Example:\n  sslrun data pack photos --out shards\n"
      "  sslrun data pack imagenet/train --out shards --resize 256 --shard-size 1000");
  add_source_options(*cmd, *o);
  cmd->add_option("--out", o->out, "folder for the shards: new, empty, or of an unfinished pack")
      ->required();
  cmd->add_option("--split", o->split, "part to pack of data that come in two")
      ->check(CLI::IsMember({"train", "val"}))
      ->capture_default_str();
  cmd->add_option("--shard-size", o->shard_megabytes, "most MB (10^6 bytes) of a shard")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  cmd->add_option("--shard-images", o->shard_images, "most images of a shard (default: any number)")
      ->check(CLI::Range(1, 1'000'000'000));
  cmd->add_option(
         "--resize",
         o->recode.short_side,
         "longest short side in pixels; larger images are resized, a JPEG to JPEG of quality "
         "90 unless --quality is given, others to PNG")
      ->check(CLI::Range(8, 65500));
  cmd->add_option("--quality", o->recode.quality, "write every image as JPEG of this quality")
      ->check(CLI::Range(1, 100));
  cmd->callback([o] { pack(*o); });
}

}  // namespace sslrun::app
