#pragma once

namespace sslrun {

/// Whether the file descriptor is a terminal that can redraw a line (TERM=dumb cannot).
bool is_terminal(int fd);

/// Colour on this descriptor: CLICOLOR_FORCE wins, then NO_COLOR, then whether it is a terminal.
bool use_color(int fd);

/// Width of the terminal in columns; 80 where it cannot be known.
int terminal_columns(int fd);

}  // namespace sslrun
