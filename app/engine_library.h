#pragma once
#include "engine/engine.h"

namespace sslrun::app {

/// The half that uses LibTorch, opened at the first call.
/// errors    DeviceError where libsslrun_engine.so or a library that it needs cannot be loaded.
engine::Engine& open_engine();

}  // namespace sslrun::app
