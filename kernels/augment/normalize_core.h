// Arithmetic of normalize.
#pragma once
#include "kernels/host_device.h"

namespace sslrun::kernels {

SSLRUN_HD float inverse_std(float std) {
  return 1.f / std;
}

SSLRUN_HD float normalized(float x, float mean, float inv_std) {
  return (x - mean) * inv_std;
}

}  // namespace sslrun::kernels
