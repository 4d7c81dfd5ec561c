// The step of AdamW with its moving average and bfloat16 copies on the GPU against the same arithmetic
// on the CPU. The tolerance is an allowance, not a measurement (RESULTS.md): there is fmaf on one
// side.
#include "kernels/optim/adamw_ema.h"

#include "kernels/bf16_core.h"
#include "tests/gpu/support.h"

#include <algorithm>
#include <memory>

namespace {

using namespace sslrun;
using namespace sslrun::kernels;
using namespace sslrun::test;

constexpr double kAllowed = 1e-6;  // largest difference of weights and follower, which are below 1

/// One tensor on the CPU, and the same on the GPU.
struct Both {
  explicit Both(std::size_t n, std::uint32_t seed)
      : w(uniform(n, seed)),
        g(uniform(n, seed + 1)),
        m(uniform(n, seed + 2)),
        v(uniform(n, seed + 3)),
        f(uniform(n, seed + 4)),
        h(n),
        w_there(w),
        g_there(g),
        m_there(m),
        v_there(v),
        f_there(f),
        h_there(h) {}

  AdamWEmaArgs here() {
    return {w.data(), g.data(), m.data(), v.data(), f.data(), h.data(), std::int64_t(w.size())};
  }

  AdamWEmaArgs there() const {
    return {w_there.data(),
            g_there.data(),
            m_there.data(),
            v_there.data(),
            f_there.data(),
            h_there.data(),
            std::int64_t(w.size())};
  }

  std::vector<float> w, g, m, v, f;
  std::vector<std::uint16_t> h;
  DeviceArray<float> w_there, g_there, m_there, v_there, f_there;
  DeviceArray<std::uint16_t> h_there;
};

}  // namespace

TEST_CASE("adamw_ema: the GPU's step is the CPU's, for more tensors than a launch takes",
          "[gpu][kernels]") {
  std::vector<std::unique_ptr<Both>> tensors;
  for (std::size_t i = 0; i < 100; ++i)
    tensors.push_back(std::make_unique<Both>(1 + 977 * (i % 13), std::uint32_t(10 * i)));
  std::vector<AdamWEmaArgs> here, there;
  for (const auto& t : tensors) {
    here.push_back(t->here());
    there.push_back(t->there());
  }
  const AdamWEmaStep step = adamw_ema_step(1e-3, 0.9, 0.999, 1e-8, 0.05, 3, 0.99);
  const Stream stream;
  adamw_ema(here, step, Cpu{});
  adamw_ema(there, step, stream.device());
  stream.wait();
  double worst = 0;
  for (const auto& t : tensors) {
    worst = std::max(worst, max_difference(t->w_there.host(), t->w));
    worst = std::max(worst, max_difference(t->f_there.host(), t->f));
    const std::vector<float> w = t->w_there.host();
    const std::vector<std::uint16_t> h = t->h_there.host();
    for (std::size_t i = 0; i < w.size(); ++i) REQUIRE(h[i] == to_bf16(w[i]));
  }
  report("adamw_ema", "largest difference", worst, kAllowed);
  CHECK(worst <= kAllowed);
}
