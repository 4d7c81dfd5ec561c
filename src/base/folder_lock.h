#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

namespace sslrun {

/// A folder that is one process's among all that see it, on whatever host. The holder renews its
/// lease; one that is gone from this host, or has not renewed its lease from another, is replaced.
/// Should it still run behind a cut link, it finds another's token in the file before it publishes
/// anything, and stops.
class FolderLock {
 public:
  struct Timing {
    std::chrono::milliseconds renew{10'000}, lease{60'000};
  };

  /// Takes the lock in `file`, which is made where there is none. A lease of another host that may
  /// have lapsed is watched until it is renewed or has.
  /// errors    StorageError: another process holds it (process, host, age), or it cannot be written.
  FolderLock(std::filesystem::path file, Timing timing);
  /// Frees it, unless another holds it now.
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  /// What the last renewal found, at no cost. Where renewals are overdue, as in a process that stood
  /// still, the file says so now; one that cannot be read says nothing, and true stands.
  bool held() const;

  /// Reads the file now. errors: PeerError where another process has taken the folder over;
  /// StorageError where it cannot be read.
  void require_held() const;

 private:
  void take();
  void renew();

  std::filesystem::path file_;
  Timing timing_;
  std::string token_;
  int fd_ = -1;
  mutable std::atomic<bool> held_ = true;
  std::atomic<std::chrono::steady_clock::time_point> renewed_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool ending_ = false;
  std::thread renewer_;
};

}  // namespace sslrun
