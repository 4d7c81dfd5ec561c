// Memory on the GPU for tests.
#pragma once
#include "tests/support/catch.h"

#include <cuda_runtime_api.h>

#include <cstddef>
#include <vector>

namespace sslrun::kernels {

/// `values` copied to the current device; freed with the object.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(const std::vector<T>& values) : size_(values.size()) {
    REQUIRE(cudaMalloc(&data_, size_ * sizeof(T)) == cudaSuccess);
    REQUIRE(cudaMemcpy(data_, values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice) == cudaSuccess);
  }
  ~DeviceArray() { cudaFree(data_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() const { return static_cast<T*>(data_); }

  /// Waits for the device, then copies back.
  std::vector<T> values() const {
    std::vector<T> out(size_);
    REQUIRE(cudaMemcpy(out.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost) == cudaSuccess);
    return out;
  }

 private:
  std::size_t size_;
  void* data_ = nullptr;
};

/// The largest difference between two results; a NaN on one side alone is infinite.
inline double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != a[i] && b[i] != b[i]) continue;
    const double d = a[i] < b[i] ? double(b[i]) - a[i] : double(a[i]) - b[i];
    if (!(d <= worst)) worst = d == d ? d : HUGE_VAL;
  }
  return worst;
}

}  // namespace sslrun::kernels
