#include "base/terminal.h"

#include "base/env.h"

#include <sys/ioctl.h>
#include <unistd.h>

namespace sslrun {

namespace {

Color chosen = Color::kAuto;

}  // namespace

void set_color(Color choice) {
  chosen = choice;
}

bool is_terminal(int fd) {
  return ::isatty(fd) == 1 && env("TERM").value_or("dumb") != "dumb";
}

bool use_color(int fd) {
  if (chosen != Color::kAuto) return chosen == Color::kAlways;
  const auto forced = env("CLICOLOR_FORCE");
  if (forced && !forced->empty() && *forced != "0") return true;
  const auto refused = env("NO_COLOR");
  return !(refused && !refused->empty()) && is_terminal(fd);
}

int terminal_columns(int fd) {
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace sslrun
