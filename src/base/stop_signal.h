#pragma once

namespace sslrun {

/// From now on SIGINT, SIGTERM, SIGUSR1, SIGUSR2 and SIGHUP only set a flag, read at the end of a
/// step; a second one of any kind ends the process at once with 128 + its number. SIGPIPE is
/// ignored: a closed log must not stop training.
void install_stop_handlers();

/// As if this signal had come, where none has yet.
void request_stop(int number);

/// The first stop signal that came, 0 if none did.
int stop_signal();

}  // namespace sslrun
