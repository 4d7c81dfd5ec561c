// Device memory, a stream and comparisons for the tests that run the same kernel on both devices.
#pragma once
#include "base/philox.h"
#include "kernels/device.h"
#include "tests/support/catch.h"

#include <cuda_runtime.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace sslrun::test {

inline void check_cuda(cudaError_t error) {
  if (error != cudaSuccess) throw std::runtime_error(cudaGetErrorString(error));
}

/// n elements on the GPU.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(std::size_t n) : n_(n) {
    check_cuda(cudaMalloc(&data_, (n > 0 ? n : 1) * sizeof(T)));
  }

  explicit DeviceArray(const std::vector<T>& host) : DeviceArray(host.size()) { set(host); }

  ~DeviceArray() { cudaFree(data_); }

  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() const { return data_; }

  void set(const std::vector<T>& host) {
    check_cuda(cudaMemcpy(data_, host.data(), n_ * sizeof(T), cudaMemcpyHostToDevice));
  }

  std::vector<T> host() const {
    std::vector<T> out(n_);
    check_cuda(cudaMemcpy(out.data(), data_, n_ * sizeof(T), cudaMemcpyDeviceToHost));
    return out;
  }

 private:
  T* data_ = nullptr;
  std::size_t n_;
};

/// A stream that is not the default one.
class Stream {
 public:
  Stream() { check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)); }

  ~Stream() { cudaStreamDestroy(stream_); }

  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  kernels::Cuda device() const { return {stream_}; }

  /// Waits, and says what a kernel did wrong.
  void wait() const { check_cuda(cudaStreamSynchronize(stream_)); }

 private:
  cudaStream_t stream_ = nullptr;
};

inline std::vector<float> uniform(std::size_t n, std::uint32_t seed) {
  std::vector<float> out(n);
  Rng rng(seed, Purpose::kProbe, 0, 0, 0);
  for (float& x : out) x = static_cast<float>(rng.uniform());
  return out;
}

inline bool bit_equal(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// Largest |a - b|; infinite where sizes differ or only one is NaN.
inline double max_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return INFINITY;
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    const double d = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!(d <= worst)) worst = std::isnan(d) ? INFINITY : d;
  }
  return worst;
}

/// ||a - b|| / ||b||; 0 where both are 0.
inline double relative_l2(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return INFINITY;
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    norm += std::pow(static_cast<double>(b[i]), 2);
  }
  if (difference == 0) return 0;
  return std::sqrt(difference / norm);
}

/// A line for the table of scripts/gpu-check.sh: the worst of a test case beside what it may be.
inline void report(const std::string& kernel,
                   const std::string& quantity,
                   double worst,
                   double allowed) {
  std::printf("MEASURED|%s|%s|%.3g|%.3g\n", kernel.c_str(), quantity.c_str(), worst, allowed);
}

}  // namespace sslrun::test
