// How much memory a piece of work took.  Linux only.
#pragma once
#include <string>

namespace sslrun::bench {

/// Resident memory of this process now, in MiB.
double resident_mb();

/// Gives free memory back to the system and forgets the high-water mark of resident memory, so that
/// peak_resident_mb speaks of what comes after. false: this system does not let a process forget
/// it.
bool reset_peak();

/// The most that was resident since reset_peak, in MiB, shared libraries included.
double peak_resident_mb(const std::string& process = "self");

/// Proportional set size in MiB: pages shared by k processes count 1 / k. 0 where the process is
/// gone.
double proportional_mb(const std::string& process = "self");

}  // namespace sslrun::bench
