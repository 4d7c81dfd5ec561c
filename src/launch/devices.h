// Which devices a run uses, and which of them a rank.
#pragma once
#include "launch/environment.h"

#include <string>
#include <string_view>
#include <vector>

namespace sslrun::launch {

/// The devices of this machine that `--devices` names, one process each, as dist::open_device takes
/// them. "auto": all GPUs, else the CPU; "cpu"; "cpu:4": four processes on the CPU; "cuda": all GPUs;
/// "cuda:0,2". gpus: those that this process sees.
/// errors    UsageError for another text.
std::vector<std::string> devices_of(std::string_view spec, int gpus);

/// The device of one rank, where its launcher has started the processes: the GPU of its number on the
/// machine, or the only one that it sees.
/// errors    UsageError where the devices do not go round.
std::string device_of_rank(std::string_view spec, int gpus, const Environment& environment);

}  // namespace sslrun::launch
