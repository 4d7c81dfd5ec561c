#include "app/commands.h"
#include "app/commands/data_pack.h"
#include "app/commands/data_preview.h"
#include "app/commands/data_source.h"
#include "base/error.h"
#include "base/file.h"
#include "base/philox.h"
#include "data/survey.h"
#include "image/bad_image.h"
#include "image/png_write.h"
#include "views/sheet.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

namespace sslrun::app {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kExamples = 5;
constexpr double kBlankStd = 0.01;  // of the values on the scale of [0, 1]
constexpr std::size_t kSheetPart = 48, kSheetColumns = 12;
constexpr std::int64_t kSheetCell = 96;

struct Options : SourceOptions {
  std::string val;
  std::string quarantine;
  std::string sheet;
};

struct Surveyed {
  std::unique_ptr<data::Source> source;
  std::vector<data::ImageFacts> facts;
};

/// Reads all of a data set, with progress on stderr.
Surveyed look_at(const std::string& path, const Options& o, data::Split split) {
  Surveyed s{o.open(path, split), {}};
  s.facts = data::survey(*s.source, image_progress(s.source->size(), "read"));
  return s;
}

Json bad_images(const Surveyed& s) {
  std::map<std::string, std::vector<std::size_t>> kinds;
  for (std::size_t i = 0; i < s.facts.size(); ++i) {
    if (!s.facts[i].bad.empty()) kinds[image::kind_of(s.facts[i].bad)].push_back(i);
  }
  Json out = Json::array();
  for (const auto& [kind, images] : kinds) {
    Json examples = Json::array();
    for (std::size_t n = 0; n < std::min(images.size(), kExamples); ++n) {
      const std::size_t i = images[n];
      examples.push_back(
          {{"name", s.source->name(static_cast<std::int64_t>(i))}, {"reason", s.facts[i].bad}});
    }
    out.push_back({{"kind", kind}, {"count", images.size()}, {"examples", examples}});
  }
  return out;
}

Json pairs_of(const std::vector<data::Pair>& pairs,
              const data::Source& first,
              const data::Source& second) {
  Json examples = Json::array();
  for (std::size_t n = 0; n < std::min(pairs.size(), kExamples); ++n) {
    examples.push_back({first.name(pairs[n].first), second.name(pairs[n].second)});
  }
  return {{"count", pairs.size()}, {"examples", examples}};
}

/// How many of the values lie below each bound and not below the one before; the last count is of
/// those above all.
Json histogram(const std::vector<double>& values, const std::vector<double>& bounds) {
  std::vector<std::int64_t> counts(bounds.size() + 1);
  for (const double v : values)
    ++counts[static_cast<std::size_t>(std::upper_bound(bounds.begin(), bounds.end(), v) -
                                      bounds.begin())];
  return {{"bounds", bounds}, {"counts", counts}};
}

/// Short sides in pixels, and width / height.
void add_sizes(const Surveyed& s, Json& out) {
  std::vector<double> sides, ratios;
  for (const data::ImageFacts& f : s.facts) {
    if (!f.bad.empty()) continue;
    sides.push_back(static_cast<double>(std::min(f.width, f.height)));
    ratios.push_back(static_cast<double>(f.width) / static_cast<double>(f.height));
  }
  if (sides.empty()) return;
  out["short_side"] = histogram(sides, {32, 64, 128, 256, 512, 1024, 2048});
  out["aspect"] = histogram(ratios, {0.5, 0.75, 1, 1.001, 1.334, 2.001});
  std::sort(sides.begin(), sides.end());
  out["short_side"]["min"] = sides.front();
  out["short_side"]["median"] = sides[sides.size() / 2];
  out["short_side"]["max"] = sides.back();
}

/// Images that hold hardly anything but one colour: what a scanner gives of an empty slide.
std::vector<std::int64_t> blank_images(const Surveyed& s) {
  std::vector<std::int64_t> blank;
  for (std::size_t i = 0; i < s.facts.size(); ++i) {
    const data::ImageFacts& f = s.facts[i];
    double variance = 0;
    for (std::size_t c = 0; c < f.mean.size(); ++c)
      variance = std::max(variance, f.mean_square[c] - f.mean[c] * f.mean[c]);
    if (f.bad.empty() && variance < kBlankStd * kBlankStd)
      blank.push_back(static_cast<std::int64_t>(i));
  }
  return blank;
}

Json names_of(const std::vector<std::int64_t>& images, const data::Source& source) {
  Json examples = Json::array();
  for (std::size_t n = 0; n < std::min(images.size(), kExamples); ++n)
    examples.push_back(source.name(images[n]));
  return {{"count", images.size()}, {"examples", examples}};
}

/// A picture to look at: a random sample, and below an empty row pairs that look alike, side by
/// side, then blank images.
void write_sheet(const Surveyed& s,
                 const std::vector<data::Pair>& alike,
                 const std::vector<std::int64_t>& blank,
                 const std::string& path) {
  std::vector<std::int64_t> usable, suspicious;
  for (std::size_t i = 0; i < s.facts.size(); ++i)
    if (s.facts[i].bad.empty()) usable.push_back(static_cast<std::int64_t>(i));
  for (const data::Pair& p : alike) suspicious.insert(suspicious.end(), {p.first, p.second});
  if (suspicious.size() > kSheetPart) suspicious.resize(kSheetPart);
  for (const std::int64_t i : blank)
    if (suspicious.size() < 2 * kSheetPart) suspicious.push_back(i);
  Rng rng(0, Purpose::kProbe, 0, 0, 0);
  for (std::size_t i = 0; i < std::min(kSheetPart, usable.size()); ++i) {
    const auto rest = static_cast<std::int64_t>(usable.size() - i);
    std::swap(usable[i], usable[i + static_cast<std::size_t>(rng.below(rest))]);
  }
  if (usable.size() > kSheetPart) usable.resize(kSheetPart);
  const std::size_t rows = (usable.size() + kSheetColumns - 1) / kSheetColumns;
  const std::size_t below = (suspicious.size() + kSheetColumns - 1) / kSheetColumns;
  views::Sheet sheet(
      static_cast<std::int64_t>(std::max<std::size_t>(1, rows + (below > 0 ? below + 1 : 0))),
      kSheetColumns,
      kSheetCell);
  const auto place = [&](const std::vector<std::int64_t>& images, std::size_t first_row) {
    image::Image image;
    for (std::size_t i = 0; i < images.size(); ++i) {
      try {
        s.source->read(images[i], image);
      } catch (const image::BadImage&) {
        continue;  // it was good a moment ago: gone meanwhile
      }
      sheet.place(static_cast<std::int64_t>(first_row + i / kSheetColumns),
                  static_cast<std::int64_t>(i % kSheetColumns),
                  image);
    }
  };
  place(usable, 0);
  place(suspicious, rows + 1);
  write_file_atomic(path, image::encode_png(sheet.picture()));
}

/// Bad images and repeated ones, one a line: what data.exclude takes.
void write_quarantine(const Surveyed& s,
                      const std::vector<data::Pair>& duplicates,
                      const std::string& path) {
  std::string text = "# name, tab, reason; give this file to the recipe's data.exclude\n";
  std::map<std::int64_t, std::string> reasons;
  for (std::size_t i = 0; i < s.facts.size(); ++i) {
    if (!s.facts[i].bad.empty()) reasons[static_cast<std::int64_t>(i)] = s.facts[i].bad;
  }
  for (const data::Pair& p : duplicates)
    reasons[p.second] = "the same pixels as " + s.source->name(p.first);
  for (const auto& [i, reason] : reasons) text += s.source->name(i) + "\t" + reason + "\n";
  write_file_atomic(path, text);
  fmt::print(stderr,
             "{} names written to '{}'; give it to the recipe: data.exclude\n",
             reasons.size(),
             path);
}

void print_pairs(const char* what, const Json& pairs) {
  if (pairs["count"] == 0) return;
  fmt::print("{}: {}\n", what, pairs["count"].get<std::int64_t>());
  for (const Json& p : pairs["examples"])
    fmt::print("    {}  =  {}\n", p[0].get<std::string>(), p[1].get<std::string>());
}

void print_histogram(const Json& h, const char* unit) {
  const auto bounds = h["bounds"].get<std::vector<double>>();
  for (std::size_t i = 0; i < h["counts"].size(); ++i) {
    const auto count = h["counts"][i].get<std::int64_t>();
    if (count == 0) continue;
    const std::string range = i == 0 ? fmt::format("below {}", bounds[0])
                              : i == bounds.size()
                                  ? fmt::format("from {}", bounds.back())
                                  : fmt::format("{} to {}", bounds[i - 1], bounds[i]);
    fmt::print("    {:<14} {:<6} {}\n", range, unit, count);
  }
}

void check(const Options& o) {
  const Surveyed train = look_at(o.path, o, data::Split::kTrain);
  const data::Source& names = *train.source;
  const std::vector<data::Pair> duplicates = data::exact_duplicates(train.facts);
  Json out{{"images", train.facts.size()}, {"bad", bad_images(train)}};
  out["duplicates"] = pairs_of(duplicates, names, names);
  const std::vector<data::Pair> alike = data::near_duplicates(train.facts);
  out["near_duplicates"] = pairs_of(alike, names, names);
  const std::vector<std::int64_t> blank = blank_images(train);
  out["blank"] = names_of(blank, names);
  add_sizes(train, out);
  if (!o.val.empty()) {
    const Surveyed val = look_at(o.val, o, data::Split::kTest);
    out["val_images"] = val.facts.size();
    out["val_bad"] = bad_images(val);
    out["leaks"] = pairs_of(data::leaks(train.facts, val.facts), names, *val.source);
  }
  if (!o.sheet.empty()) write_sheet(train, alike, blank, o.sheet);
  if (!o.quarantine.empty()) write_quarantine(train, duplicates, o.quarantine);
  if (o.json) return fmt::print("{}\n", out.dump(-1, ' ', false, Json::error_handler_t::replace));
  fmt::print("images: {}\n", train.facts.size());
  for (const char* half : {"bad", "val_bad"}) {
    if (!out.contains(half)) continue;
    for (const Json& kind : out[half]) {
      fmt::print("cannot be used{}, {}: {}\n",
                 half[0] == 'v' ? " in val" : "",
                 kind["kind"].get<std::string>(),
                 kind["count"].get<std::int64_t>());
      for (const Json& e : kind["examples"])
        fmt::print("    {}  {}\n", e["name"].get<std::string>(), e["reason"].get<std::string>());
    }
  }
  print_pairs("same pixels as an earlier image", out["duplicates"]);
  print_pairs("looks like an earlier image", out["near_duplicates"]);
  if (out.contains("leaks")) print_pairs("in train and in val", out["leaks"]);
  if (out["blank"]["count"] != 0) {
    fmt::print("hardly anything but one colour: {}\n", out["blank"]["count"].get<std::int64_t>());
    for (const Json& name : out["blank"]["examples"])
      fmt::print("    {}\n", name.get<std::string>());
  }
  if (!out.contains("short_side")) return;
  const Json& side = out["short_side"];
  fmt::print("short side: {} to {} pixels, median {}\n",
             side["min"].get<std::int64_t>(),
             side["max"].get<std::int64_t>(),
             side["median"].get<std::int64_t>());
  print_histogram(side, "pixels");
  fmt::print("width / height:\n");
  print_histogram(out["aspect"], "");
}

void stats(const Options& o) {
  const Surveyed s = look_at(o.path, o, data::Split::kTrain);
  const std::int64_t used = std::count_if(
      s.facts.begin(), s.facts.end(), [](const data::ImageFacts& f) { return f.bad.empty(); });
  if (used == 0)
    throw DataError(
        fmt::format("no image of '{}' can be read; sslrun data check says why", o.path));
  const data::ChannelMoments m = data::channel_moments(s.facts);
  Json classes = Json::object();
  const auto names = s.source->class_names();
  std::vector<std::int64_t> counts(names.size());
  for (const std::int64_t label : s.source->labels()) ++counts[static_cast<std::size_t>(label)];
  for (std::size_t c = 0; c < names.size(); ++c) classes[names[c]] = counts[c];
  if (o.json) {
    const Json out{{"images", s.facts.size()},
                   {"used", used},
                   {"mean", m.mean},
                   {"std", m.std},
                   {"classes", classes}};
    return fmt::print("{}\n", out.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  fmt::print("images: {}, {} of them usable\n", s.facts.size(), used);
  for (const auto& [name, count] : classes.items())
    fmt::print("class {}: {}\n", name, count.get<std::int64_t>());
  fmt::print("- normalize: {{mean: [{:.4f}], std: [{:.4f}]}}\n",
             fmt::join(m.mean, ", "),
             fmt::join(m.std, ", "));
}

}  // namespace

void add_data(CLI::App& root) {
  CLI::App* group =
      root.add_subcommand("data", "Look at images before training on them, and pack them");
  group->require_subcommand(1);
  group->footer(
      "Example:\n  sslrun data check photos --val photos-val --quarantine bad.txt\n"
      "  sslrun data stats photos");
  auto o = std::make_shared<Options>();
  CLI::App* cmd = group->add_subcommand(
      "check", "Decode every image: what cannot be used, is there twice, or is in train and val");
  cmd->footer(
      "Example:\n  sslrun data check photos --quarantine bad.txt\n"
      "  sslrun pretrain recipe.yaml --set data.exclude=bad.txt");
  add_source_options(*cmd, *o);
  cmd->add_option("--val", o->val, "images of the evaluation, to find what train holds too");
  cmd->add_option("--quarantine",
                  o->quarantine,
                  "file to write: bad and repeated images, as data.exclude takes them");
  cmd->add_option(
      "--sheet",
      o->sheet,
      "PNG to write: 48 random images, then, under an empty row, repeated ones side by side");
  cmd->callback([o] { check(*o); });
  cmd = group->add_subcommand(
      "stats", "Mean and standard deviation per channel as normalize takes them, and class counts");
  cmd->footer("Example:\n  sslrun data stats photos");
  add_source_options(*cmd, *o);
  cmd->callback([o] { stats(*o); });
  add_data_preview(*group);
  add_data_pack(*group);
}

}  // namespace sslrun::app
