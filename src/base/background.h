#pragma once
#include <functional>
#include <future>
#include <optional>
#include <string>

namespace sslrun {

/// One job at a time on a thread beside the caller's. Its members are for one thread alone.
class Background {
 public:
  Background() = default;
  /// Waits for the job under way.
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  /// Waits for the job under way, then starts this one. What it uses must stay as it is until it is
  /// over.
  void start(std::function<void()> job);

  bool busy() const;

  /// Returns when no job is under way.
  void wait() const;

  /// What the last job threw, once it is over: what() of it. Told once.
  std::optional<std::string> take_failure();

 private:
  std::future<std::string> job_;  // empty text: it came to its end
};

}  // namespace sslrun
