#include "base/stop_signal.h"

#include <unistd.h>

#include <csignal>
#include <initializer_list>

namespace sslrun {
namespace {

volatile std::sig_atomic_t received = 0;

void on_signal(int number) {
  if (received != 0) _exit(128 + number);
  received = number;
}

}  // namespace

void install_stop_handlers() {
  struct sigaction action {};

  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int number : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGHUP})
    sigaction(number, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

void request_stop(int number) {
  if (received == 0) received = number;
}

int stop_signal() {
  return received;
}

}  // namespace sslrun
