#include "app/engine_library.h"

#include "base/env.h"
#include "base/error.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace sslrun::app {
namespace {

/// What LibTorch reads when it is loaded; what the user has set stays.
void set_library_defaults() {
  // Its OpenMP threads turn in circles for about a millisecond after each operation, on processors
  // that the loader's threads and our kernels' wait for: 10,000 turns (tens of microseconds) train as
  // fast alone, and faster beside others.
  if (!env("OMP_WAIT_POLICY")) set_env_default("GOMP_SPINCOUNT", "10000");
  set_env_default("TORCH_CPP_LOG_LEVEL", "ERROR");  // a lost rank is told in our words
}

engine::Engine* open_library() {
  set_library_defaults();
  // Found beside the program, or in ../lib of an installed one: the program's run path.
  void* const library = dlopen("libsslrun_engine.so", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw DeviceError(fmt::format(
        "libsslrun_engine.so and LibTorch must load for this command: {}; build sslrun with "
        "-DSSLRUN_ENGINE=ON (scripts/setup.sh fetches LibTorch)",
        dlerror()));
  }
  const auto entry = reinterpret_cast<engine::EngineEntry>(dlsym(library, engine::kEngineEntry));
  check_invariant(entry != nullptr, "libsslrun_engine.so exports its entry");
  return entry();
}

}  // namespace

engine::Engine& open_engine() {
  static engine::Engine* const engine = open_library();
  return *engine;
}

}  // namespace sslrun::app
