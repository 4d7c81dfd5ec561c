// state.json of a checkpoint: all of a run that is not a tensor.
#pragma once
#include "data/loader.h"
#include "recipe/load.h"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sslrun::train {

struct RunState {
  std::int64_t step = 0;             // optimizer steps done
  std::int64_t evaluated_step = -1;  // the last step whose features were evaluated
  double time_s = 0;                 // spent training, all sittings together
  double knn = -1;                   // the last k-NN accuracy; -1: none yet
  double knn_untrained = -1;         // of the starting weights
  std::string precision;             // decided when the run started
  std::string training_hash;
  std::string recipe;  // the resolved recipe in JSON, to tell what changed
  std::string data;    // fingerprint of the training images
  std::vector<data::BadSample> bad_images;
  std::set<std::int64_t> left_out;  // steps, counted from 1, whose batches train nothing
};

/// The state of a run that has not begun: what it is a run of.
RunState fingerprints(const recipe::LoadedRecipe& loaded, const recipe::OpenedData& data);

std::string encode_state(const RunState& state);

/// errors    CheckpointError where `text` is not what encode_state writes.
RunState decode_state(std::string_view text);

/// Refuses to go on with another recipe or other images.
/// errors    ConfigError's exit code 3 with the keys that changed; DataError where the images did.
void require_same_run(const RunState& saved, const RunState& now, const std::string& folder);

}  // namespace sslrun::train
