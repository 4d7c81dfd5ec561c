// The images of a run that could not be used, as they are listed and as ranks tell each other of them.
#pragma once
#include "data/loader.h"
#include "dist/world.h"

#include <c10/core/Device.h>

#include <span>
#include <string>
#include <vector>

namespace sslrun::train {

/// Lines of bad_images.jsonl: {"sample", "path", "reason"} each.
std::string list_lines(std::span<const data::BadSample> bad);

/// Those that any rank has met and that were not `known`, each once, on all ranks alike. own: met by
/// this rank. device: where the world's tensors live.
/// errors    PeerError as World's.
std::vector<data::BadSample> met_by_any(std::span<const data::BadSample> own,
                                        std::span<const data::BadSample> known,
                                        dist::World& world,
                                        at::Device device);

}  // namespace sslrun::train
