// Sinkhorn's iterations on the GPU against the same arithmetic on the CPU. The tolerance is an
// allowance, not a measurement (RESULTS.md): sums run in the same order, but with fmaf on one side.
#include "kernels/loss/sinkhorn.h"

#include "tests/gpu/support.h"

#include <algorithm>

namespace {

using namespace sslrun;
using namespace sslrun::kernels;
using namespace sslrun::test;

constexpr double kAllowed = 4e-5;  // relative L2 of shares and of assignments

}  // namespace

TEST_CASE("sinkhorn: the GPU gives the CPU's shares and assignments, around blocks' edges",
          "[gpu][loss]") {
  double worst_share = 0, worst = 0;
  for (const std::int64_t samples : {1, 63, 64, 65, 500}) {
    for (const std::int64_t prototypes : {1, 31, 33, 255, 257, 1025, 3000, 9000}) {
      INFO(samples << " samples, " << prototypes << " prototypes");
      const auto n = static_cast<std::size_t>(prototypes);
      const std::vector<float> scores = uniform(static_cast<std::size_t>(samples) * n, 1),
                               log_scale = uniform(n, 2), largest{1.f};
      const auto room = static_cast<std::size_t>(sinkhorn_scratch(samples, prototypes));
      const DeviceArray<float> scores_there(scores), log_scale_there(log_scale),
          largest_there(largest), share_there(n), scratch_there(room),
          assigned_there(scores.size());
      std::vector<float> share(n), scratch(room), assigned(scores.size());
      SinkhornArgs args{.scores = scores.data(),
                        .log_scale = log_scale.data(),
                        .samples = samples,
                        .prototypes = prototypes,
                        .inv_eps = 20.f};
      SinkhornArgs there = args;
      there.scores = scores_there.data();
      there.log_scale = log_scale_there.data();
      const Stream stream;
      for (const bool first : {true, false}) {
        args.largest = first ? largest.data() : nullptr;
        there.largest = first ? largest_there.data() : nullptr;
        sinkhorn_share(args, share.data(), scratch.data(), Cpu{});
        sinkhorn_share(there, share_there.data(), scratch_there.data(), stream.device());
        stream.wait();
        const double error = relative_l2(share_there.host(), share);
        CHECK(error <= kAllowed);
        worst_share = std::max(worst_share, error);
      }
      sinkhorn_assign(args, assigned.data(), scratch.data(), Cpu{});
      sinkhorn_assign(there, assigned_there.data(), scratch_there.data(), stream.device());
      stream.wait();
      const double error = relative_l2(assigned_there.host(), assigned);
      CHECK(error <= kAllowed);
      worst = std::max(worst, error);
    }
  }
  report("sinkhorn shares", "relative L2 error", worst_share, kAllowed);
  report("sinkhorn assignments", "relative L2 error", worst, kAllowed);
}
