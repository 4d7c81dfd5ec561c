// One command, as many processes as it has devices.
#pragma once
#include "train/pretrain.h"

namespace sslrun::engine {

/// Trains as the one process that it is, as one rank where a launcher has started this process, or in
/// processes of its own, one per device of `options.devices`, whose end it waits for. Returns the
/// exit status.
/// errors    UsageError where the environment or the devices do not make a place; those of
///           train::pretrain.
int pretrain_on_devices(const train::PretrainOptions& options);

}  // namespace sslrun::engine
