// Views of several sizes through one encoder: which are one batch, and whose row is whose.
#include "methods/multi_crop.h"

#include "tests/methods/setting.h"
#include "tests/support/torch_catch.h"

#include <ATen/ops/cat.h>

namespace {

using namespace sslrun;
using namespace sslrun::test;

/// Remembers the batches that it sees.
class Watched final : public encoders::Encoder {
 public:
  Tensor forward(const Tensor& x_NCHW) const override {
    batches.push_back(x_NCHW);
    return colours.forward(x_NCHW);
  }

  std::int64_t width() const override { return kFeatures; }

  Colours colours;
  mutable std::vector<Tensor> batches;
};

}  // namespace

TEST_CASE("multi_crop: consecutive views of one size are one batch", "[methods]") {
  const Setting s("{name: byol}", {4, 4, 2, 2, 2, 4});
  const Watched encoder;
  methods::multi_crop(encoder, s.views);
  REQUIRE(encoder.batches.size() == 3);
  CHECK(encoder.batches[0].equal(at::cat({s.views[0], s.views[1]})));
  CHECK(encoder.batches[1].equal(at::cat({s.views[2], s.views[3], s.views[4]})));
  CHECK(encoder.batches[2].equal(s.views[5]));
}

TEST_CASE("multi_crop: features come view after view, not image after image", "[methods]") {
  const Setting s("{name: byol}", {4, 4, 2, 2, 2});
  const Colours encoder;
  const Tensor all = methods::multi_crop(encoder, s.views);
  REQUIRE(all.sizes() == at::IntArrayRef({5 * kImages, kFeatures}));
  for (std::size_t v = 0; v < s.views.size(); ++v) {
    INFO(v);
    const Tensor own = encoder.forward(s.views[v]);
    CHECK(all.narrow(0, static_cast<std::int64_t>(v) * kImages, kImages).allclose(own));
    CHECK(!own.allclose(all.slice(0, static_cast<std::int64_t>(v), {}, 5)));
  }
}
