#include "base/background.h"

#include <chrono>
#include <exception>
#include <utility>

namespace sslrun {
namespace {

// The exception itself stays on its thread: its text is all that anybody wants.
std::string failure_of(const std::function<void()>& job) {
  try {
    job();
    return "";
  } catch (const std::exception& e) {
    return e.what();
  }
}

}  // namespace

Background::~Background() {
  wait();
}

void Background::start(std::function<void()> job) {
  wait();
  job_ = std::async(std::launch::async, [job = std::move(job)] { return failure_of(job); });
}

bool Background::busy() const {
  return job_.valid() && job_.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
}

void Background::wait() const {
  if (job_.valid()) job_.wait();
}

std::optional<std::string> Background::take_failure() {
  if (!job_.valid() || busy()) return std::nullopt;
  std::string failure = job_.get();
  if (failure.empty()) return std::nullopt;
  return failure;
}

}  // namespace sslrun
