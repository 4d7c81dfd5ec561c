#include "base/thread_pool.h"

#include "base/cpu.h"
#include "base/error.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace sslrun {
namespace {

thread_local bool inside_body = false;

class Pool {
 public:
  explicit Pool(int threads) {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
  }

  ~Pool() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  void run(std::int64_t n,
           std::int64_t parts,
           const std::function<void(std::int64_t, std::int64_t)>& body) {
    const std::lock_guard one_job(job_mutex_);
    {
      const std::lock_guard lock(mutex_);
      body_ = &body;
      n_ = n;
      parts_ = parts;
      pending_ = static_cast<int>(workers_.size());
      error_ = nullptr;
      ++generation_;
    }
    wake_.notify_all();
    part(0);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return pending_ == 0; });
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void part(std::int64_t i) {
    if (i >= parts_) return;
    inside_body = true;
    try {
      (*body_)(n_ * i / parts_, n_ * (i + 1) / parts_);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
    inside_body = false;
  }

  void work(int index) {
    std::uint64_t seen = 0;
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return stop_ || generation_ != seen; });
        if (stop_) return;
        seen = generation_;
      }
      part(index);
      const std::lock_guard lock(mutex_);
      if (--pending_ == 0) done_.notify_one();
    }
  }

  std::vector<std::thread> workers_;
  std::mutex job_mutex_, mutex_;
  std::condition_variable wake_, done_;
  const std::function<void(std::int64_t, std::int64_t)>* body_ = nullptr;
  std::int64_t n_ = 0, parts_ = 0;
  std::uint64_t generation_ = 0;
  int pending_ = 0;
  bool stop_ = false;
  std::exception_ptr error_;
};

std::mutex pool_mutex;
int wanted_threads = 0;
std::unique_ptr<Pool> pool;

Pool& shared_pool() {
  const std::lock_guard lock(pool_mutex);
  if (!pool) pool = std::make_unique<Pool>(wanted_threads > 0 ? wanted_threads : cpu_count());
  return *pool;
}

}  // namespace

int compute_threads() {
  const std::lock_guard lock(pool_mutex);
  return wanted_threads > 0 ? wanted_threads : cpu_count();
}

void set_compute_threads(int n) {
  check_invariant(n >= 1, "there is at least one compute thread");
  const std::lock_guard lock(pool_mutex);
  wanted_threads = n;
  pool.reset();
}

void parallel_for(std::int64_t n,
                  const std::function<void(std::int64_t, std::int64_t)>& body,
                  std::int64_t grain) {
  if (n <= 0) return;
  const std::int64_t parts = std::min<std::int64_t>(
      compute_threads(), std::max<std::int64_t>(1, n / std::max<std::int64_t>(1, grain)));
  if (parts == 1 || inside_body) return body(0, n);
  shared_pool().run(n, parts, body);
}

}  // namespace sslrun
