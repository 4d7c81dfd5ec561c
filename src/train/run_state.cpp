#include "train/run_state.h"

#include "base/error.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace sslrun::train {
namespace {

constexpr int kRecipeExit = 3;

}  // namespace

RunState fingerprints(const recipe::LoadedRecipe& loaded, const recipe::OpenedData& data) {
  RunState state;
  state.training_hash = recipe::training_hash(loaded.recipe);
  state.recipe = recipe::resolved_json(loaded.recipe);
  state.data = data.train->fingerprint();
  return state;
}

std::string encode_state(const RunState& s) {
  nlohmann::ordered_json bad = nlohmann::ordered_json::array();
  for (const auto& b : s.bad_images)
    bad.push_back({{"sample", b.sample}, {"name", b.name}, {"reason", b.reason}});
  const nlohmann::ordered_json out = {{"version", 1},
                                      {"step", s.step},
                                      {"evaluated_step", s.evaluated_step},
                                      {"time_s", s.time_s},
                                      {"knn", s.knn},
                                      {"knn_untrained", s.knn_untrained},
                                      {"precision", s.precision},
                                      {"training_hash", s.training_hash},
                                      {"data", s.data},
                                      {"recipe", nlohmann::ordered_json::parse(s.recipe)},
                                      {"bad_images", bad},
                                      {"left_out", s.left_out}};
  return out.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

RunState decode_state(std::string_view text) {
  try {
    const auto in = nlohmann::ordered_json::parse(text);
    if (const int version = in.at("version").get<int>(); version != 1) {
      throw CheckpointError(fmt::format(
          "state.json must have version 1, got {}; use the sslrun that wrote it", version));
    }
    RunState s;
    in.at("step").get_to(s.step);
    in.at("evaluated_step").get_to(s.evaluated_step);
    in.at("time_s").get_to(s.time_s);
    in.at("knn").get_to(s.knn);
    in.at("knn_untrained").get_to(s.knn_untrained);
    in.at("precision").get_to(s.precision);
    in.at("training_hash").get_to(s.training_hash);
    in.at("data").get_to(s.data);
    s.recipe = in.at("recipe").dump();
    for (const auto& b : in.at("bad_images")) {
      s.bad_images.push_back({b.at("sample").get<std::int64_t>(),
                              b.at("name").get<std::string>(),
                              b.at("reason").get<std::string>()});
    }
    s.left_out = in.value("left_out", s.left_out);  // not in what older versions wrote
    return s;
  } catch (const nlohmann::json::exception& e) {
    throw CheckpointError(fmt::format("state.json must be one that sslrun wrote: {}", e.what()));
  }
}

void require_same_run(const RunState& saved, const RunState& now, const std::string& folder) {
  if (saved.training_hash != now.training_hash) {
    const auto changed = recipe::training_changes(saved.recipe, now.recipe);
    throw Error(kRecipeExit,
                fmt::format("the recipe must be the one that the run in '{}' was started with, and "
                            "it differs:\n  {}\nundo the change, "
                            "choose another folder with --out, or start afresh with --overwrite",
                            folder,
                            fmt::join(changed, "\n  ")));
  }
  if (saved.data != now.data) {
    throw DataError(
        fmt::format("data.train must hold the images that the run in '{}' was started with, and "
                    "the list of images has "
                    "changed ({} before, {} now); restore it, choose another folder with --out, or "
                    "start afresh with "
                    "--overwrite",
                    folder,
                    saved.data,
                    now.data));
  }
}

}  // namespace sslrun::train
