// Arithmetic of an AdamW step and of what follows it, on one element. No other file may repeat it.
#pragma once
#include "kernels/host_device.h"

#include <cmath>
#include <cstdint>

namespace sslrun::kernels {

/// What a step has in common for all elements.
struct AdamWEmaStep {
  float keep;               // 1 - lr * weight decay
  float mean_in, beta2;     // 1 - beta1; share of the second moment that stays
  float square_in;          // 1 - beta2
  float size;               // lr / (1 - beta1^t)
  float inverse_root, eps;  // 1 / sqrt(1 - beta2^t)
  float tau, tau_in;        // of the follower, and 1 - tau
};

/// `count`: updates of these weights, this one included.
inline AdamWEmaStep adamw_ema_step(double lr,
                                   double beta1,
                                   double beta2,
                                   double eps,
                                   double weight_decay,
                                   std::int64_t count,
                                   double tau) {
  const auto t = static_cast<double>(count);
  return {.keep = static_cast<float>(1 - lr * weight_decay),
          .mean_in = static_cast<float>(1 - beta1),
          .beta2 = static_cast<float>(beta2),
          .square_in = static_cast<float>(1 - beta2),
          .size = static_cast<float>(lr / (1 - std::pow(beta1, t))),
          .inverse_root = static_cast<float>(1 / std::sqrt(1 - std::pow(beta2, t))),
          .eps = static_cast<float>(eps),
          .tau = static_cast<float>(tau),
          .tau_in = static_cast<float>(1 - tau)};
}

/// One element: weight w, gradient g, moments m and v.
SSLRUN_HD void adamw_move(const AdamWEmaStep& s, float g, float& w, float& m, float& v) {
  m += s.mean_in * (g - m);
  v = s.beta2 * v + s.square_in * g * g;
  w = s.keep * w - s.size * m / (sqrtf(v) * s.inverse_root + s.eps);
}

/// The follower's element after its leader's became w.
SSLRUN_HD float ema_follow(const AdamWEmaStep& s, float follower, float w) {
  return s.tau * follower + s.tau_in * w;
}

}  // namespace sslrun::kernels
