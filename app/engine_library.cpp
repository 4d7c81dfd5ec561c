#include "app/engine_library.h"

#include "base/error.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace sslrun::app {
namespace {

engine::Engine* open_library() {
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
