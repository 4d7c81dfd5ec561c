// Slurm's short form of a list of host names.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace sslrun::launch {

/// The hosts of a list such as "login,node[01-03,07],rack[1-2]n[0-3]-ib", in its order; of several
/// brackets the last counts fastest, and a number keeps the width of its range's start, as `scontrol
/// show hostnames` prints them.
/// errors    UsageError with the place for a list that is not of this form, is empty, or stands for
///           more than 1,000,000 hosts.
std::vector<std::string> expand_host_list(std::string_view list);

}  // namespace sslrun::launch
