#pragma once

namespace sslrun {

/// Whether the file descriptor is a terminal that can redraw a line (TERM=dumb cannot).
bool is_terminal(int fd);

enum class Color { kAuto, kAlways, kNever };

/// The user's word (--color); kAuto until then. Call before the first word is printed.
void set_color(Color choice);

/// Colour on this descriptor: set_color wins, then CLICOLOR_FORCE, then NO_COLOR, then whether it
/// is a terminal.
bool use_color(int fd);

/// Width of the terminal in columns; 80 where it cannot be known.
int terminal_columns(int fd);

}  // namespace sslrun
