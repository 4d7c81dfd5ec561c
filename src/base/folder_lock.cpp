#include "base/folder_lock.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/host.h"
#include "base/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <random>
#include <sstream>
#include <utility>

namespace sslrun {
namespace {

namespace fs = std::filesystem;
using Seconds = std::chrono::duration<double>;

constexpr int kMissedRenewals = 3;

/// What a lock file says: a line for people, and one that tells a process from all others.
struct Holder {
  std::string words;  // "process 12 on node3 since 2026-01-31T23:59:59Z"
  std::string place;  // the boot and the process namespace in which the process has its number
  pid_t process = 0;
  std::string start;  // of the process, in ticks since the boot
  std::string token;  // of its hold

  std::string text() const {
    return fmt::format("{}\n{} {} {} {}\n", words, place, process, start, token);
  }
};

/// A file that holds nothing is free.
Holder parse(const std::string& text) {
  Holder out;
  std::istringstream in(text);
  std::getline(in, out.words);
  in >> out.place >> out.process >> out.start >> out.token;
  return out;
}

std::string first_line(const fs::path& path) {
  try {
    return parse(read_file(path)).words;
  } catch (const StorageError&) {
    return "";
  }
}

/// Field 22 of /proc/PID/stat; empty: there is no such process, or one that has ended and waits for its
/// parent to notice, which that of a killed run may never do.
std::string start_of(pid_t process) {
  const std::string line = first_line(fmt::format("/proc/{}/stat", process));
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return "";
  std::istringstream rest(line.substr(name_end + 1));
  std::string field;
  rest >> field;
  if (field == "Z" || field == "X") return "";
  for (int i = 4; i <= 22; ++i) rest >> field;
  return field;
}

Holder myself(std::string token) {
  std::error_code unknown;
  const std::string space = fs::read_symlink("/proc/self/ns/pid", unknown).string();
  return {.words = fmt::format("process {} on {} since {}", getpid(), host_name(), utc_now()),
          .place = first_line("/proc/sys/kernel/random/boot_id") + "/" + space,
          .process = getpid(),
          .start = start_of(getpid()),
          .token = std::move(token)};
}

bool lives_here(const Holder& holder) {
  return kill(holder.process, 0) == 0 || errno == EPERM ? start_of(holder.process) == holder.start
                                                        : false;
}

/// The same in a moment: a process that was killed lets go of its files before it is gone.
bool stays_here(const Holder& holder) {
  for (int i = 0; i < 200; ++i) {
    if (!lives_here(holder)) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

double mtime_of(const struct stat& s) {
  return static_cast<double>(s.st_mtim.tv_sec) + 1e-9 * static_cast<double>(s.st_mtim.tv_nsec);
}

double mtime_of(const fs::path& path) {
  struct stat s {};

  if (stat(path.c_str(), &s) != 0) throw_storage_error("look at", path, errno);
  return mtime_of(s);
}

/// Seconds since the lease was renewed, both times by the clock of the file system: those of hosts
/// differ.
double lease_age(const fs::path& lock) {
  const fs::path probe = lock.string() + fmt::format(".tmp-{}", getpid());
  const int fd = open(probe.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) throw_storage_error("create", probe, errno);
  futimens(fd, nullptr);

  struct stat s {};

  fstat(fd, &s);
  close(fd);
  unlink(probe.c_str());
  return mtime_of(s) - mtime_of(lock);
}

[[noreturn]] void refuse(const fs::path& lock, const Holder& holder, double age_s) {
  throw StorageError(fmt::format(
      "the run folder '{}' must be free, and another process holds it ({}, heard of {:.0f} s ago); "
      "wait for it, stop it, or choose another folder with --out",
      lock.parent_path().string(),
      holder.words.empty() ? "one that is about to say its name" : holder.words,
      std::max(age_s, 0.0)));
}

/// Returns when the lease of a process that this host cannot see has run out.
void wait_for_lapse(const fs::path& lock, const Holder& holder, FolderLock::Timing timing) {
  const double renewed = mtime_of(lock);
  bool told = false;
  for (;;) {
    const double age_s = lease_age(lock);
    if (mtime_of(lock) != renewed) refuse(lock, holder, age_s);
    if (age_s >= Seconds(timing.lease).count()) return;
    if (!std::exchange(told, true))
      log::info("the run folder is held by {}: waiting at most {:.0f} s to see whether it lives",
                holder.words,
                Seconds(timing.lease).count());
    std::this_thread::sleep_for(timing.renew / 10);
  }
}

std::string make_token() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}

}  // namespace

FolderLock::FolderLock(fs::path file, Timing timing)
    : file_(std::move(file)),
      timing_(timing),
      token_(make_token()),
      fd_(open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)),
      renewed_(std::chrono::steady_clock::now()) {
  if (fd_ < 0) throw_storage_error("open", file_, errno);
  try {
    take();
  } catch (...) {
    close(fd_);
    throw;
  }
  renewer_ = std::thread([this] { renew(); });
}

void FolderLock::take() {
  // Exact among the processes of a host, and of all hosts where the file system carries it; it may
  // do neither, and its server may keep the lock of a host that is gone: the lease decides then.
  const bool blocked = flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  const Holder holder = parse(read_file(file_)), me = myself(token_);
  if (holder.token.empty() || holder.place == me.place) {
    if (blocked || (!holder.token.empty() && stays_here(holder)))
      refuse(file_, holder, lease_age(file_));
  } else {
    wait_for_lapse(file_, holder, timing_);
  }
  if (!holder.token.empty())
    log::warn("the run folder was left held by {}, which is gone: taken over", holder.words);
  const std::string text = me.text();
  if (ftruncate(fd_, 0) != 0 ||
      pwrite(fd_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    throw_storage_error("write", file_, errno);
  fsync(fd_);  // one that a crash empties is free, as it should be
}

void FolderLock::renew() {
  std::unique_lock lock(mutex_);
  while (!ended_.wait_for(lock, timing_.renew, [this] { return ending_; })) {
    try {
      held_ = parse(read_file(file_)).token == token_;
    } catch (const StorageError&) {  // nothing is known for now: the lease is not renewed
      continue;
    }
    if (!held_) return;
    futimens(fd_, nullptr);
    renewed_ = std::chrono::steady_clock::now();
  }
}

bool FolderLock::held() const {
  const bool overdue =
      std::chrono::steady_clock::now() - renewed_.load() > kMissedRenewals * timing_.renew;
  if (!held_ || !overdue) return held_;
  try {
    require_held();
  } catch (const Error&) {  // another's, as held_ says now, or not to be known
  }
  return held_;
}

void FolderLock::require_held() const {
  const Holder holder = parse(read_file(file_));
  if (holder.token == token_) return;
  held_ = false;
  throw PeerError(fmt::format(
      "the run folder '{}' was taken over by another process ({}) when this one was not heard of; "
      "it writes nothing more there, and the other goes on from the last checkpoint",
      file_.parent_path().string(),
      holder.words.empty() ? "which has ended since" : holder.words));
}

FolderLock::~FolderLock() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  ended_.notify_all();
  renewer_.join();
  try {
    require_held();
    if (ftruncate(fd_, 0) != 0) log::warn("'{}' stays held: {}", file_.string(), errno);
  } catch (const Error&) {  // another's now
  }
  close(fd_);
}

}  // namespace sslrun
