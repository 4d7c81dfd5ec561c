// How long a call takes on the GPU, and a line for the table of scripts/gpu-check.sh.
#pragma once
#include "tests/gpu/support.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

namespace sslrun::test {

constexpr int kRepetitions = 21;

class Event {
 public:
  Event() { check_cuda(cudaEventCreate(&event_)); }

  ~Event() { cudaEventDestroy(event_); }

  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void record(kernels::Cuda device) const { check_cuda(cudaEventRecord(event_, device.stream)); }

  double ms_since(const Event& start) const {
    float ms = 0;
    check_cuda(cudaEventSynchronize(event_));
    check_cuda(cudaEventElapsedTime(&ms, start.event_, event_));
    return static_cast<double>(ms);
  }

 private:
  cudaEvent_t event_ = nullptr;
};

/// Median milliseconds of one call, after two to warm up.
inline double median_ms(const std::function<void(kernels::Cuda)>& call) {
  const Stream stream;
  std::vector<double> ms;
  const Event start, stop;
  for (int i = 0; i < kRepetitions + 2; ++i) {
    start.record(stream.device());
    call(stream.device());
    stop.record(stream.device());
    const double took = stop.ms_since(start);
    if (i >= 2) ms.push_back(took);
  }
  std::nth_element(ms.begin(), ms.begin() + kRepetitions / 2, ms.end());
  return ms[kRepetitions / 2];
}

inline void row(const std::string& kernel,
                const std::string& shape,
                double ms,
                double rate,
                const std::string& unit,
                const std::string& what) {
  std::printf("BENCH|%s|%s|%.4f|%.1f %s|%s\n",
              kernel.c_str(),
              shape.c_str(),
              ms,
              rate,
              unit.c_str(),
              what.c_str());
}

}  // namespace sslrun::test
