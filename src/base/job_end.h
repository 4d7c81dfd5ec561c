#pragma once
#include <ctime>
#include <optional>
#include <string_view>

namespace sslrun {

/// When the batch system will end the job that this process is part of: SLURM_JOB_END_TIME, and where
/// that is not set what squeue says of SLURM_JOB_ID. None where there is no job or no limit.
std::optional<std::time_t> job_end();

/// What `squeue -o %e` prints, a local time as 2026-01-31T23:59:59; none for anything else ("N/A").
std::optional<std::time_t> parse_local_time(std::string_view text);

}  // namespace sslrun
