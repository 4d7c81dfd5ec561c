// How much memory a piece of work took.  Linux only.
#pragma once

namespace sslrun::bench {

/// Resident memory of this process now, in MiB.
double resident_mb();

/// Forgets the high-water mark of resident memory, so that peak_resident_mb speaks of what comes after.
void reset_peak();

/// The most that was resident since reset_peak, in MiB.
double peak_resident_mb();

}  // namespace sslrun::bench
