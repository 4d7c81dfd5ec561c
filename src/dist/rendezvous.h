// From a place among processes to a world that talks.
#pragma once
#include "dist/world.h"
#include "launch/environment.h"

#include <c10/core/Device.h>

#include <chrono>
#include <memory>

namespace sslrun::dist {

/// The world of this process's job: single_world() where it is alone; else returns when every rank
/// has come. Over NCCL where `device` is a GPU, else over Gloo. timeout: for the meeting, and for a rank that does not answer later.
/// errors    PeerError where rank 0 has no free port or is not reached, or a rank does not come:
///           which came and which did not.
std::shared_ptr<World> join(const launch::Environment& environment,
                            at::Device device,
                            std::chrono::milliseconds timeout);

}  // namespace sslrun::dist
