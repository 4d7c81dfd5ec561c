#include "config/fields.h"
#include "views/view_op.h"

#include <algorithm>

namespace sslrun::views {

namespace {

struct ChannelDrop final : ViewOp {
  double p = 0.1;
  std::int64_t most = 1;
  double fill = 0;

  void bind(config::Fields& f) override {
    f.real("p", p, {.min = 0, .max = 1}, "probability to blank any channel");
    f.integer("most", most, {.min = 1}, "at most so many channels at once; one always stays");
    f.real("fill", fill, {.min = 0, .max = 1}, "what a blank channel holds");
  }

  std::string channels_problem(std::int64_t channels) const override {
    return channels >= 2 ? "" : "needs 2 channels or more";
  }

  void apply(Rng& rng, Canvas& canvas) const override {
    if (!(rng.uniform() < p)) return;
    const std::int64_t channels = canvas.shape().channels;
    const std::int64_t plane = canvas.shape().height * canvas.shape().width;
    std::int64_t left = 1 + rng.below(std::min(most, channels - 1));
    for (std::int64_t c = 0; c < channels; ++c) {  // each set of `left` channels as likely
      if (rng.below(channels - c) >= left) continue;
      --left;
      std::fill_n(canvas.pixels() + c * plane, plane, static_cast<float>(fill));
    }
  }
};

}  // namespace

const config::ComponentSpec& view_spec_channel_drop() {
  static const config::ComponentSpec spec{"channel_drop",
                                          "blanks some of the channels",
                                          "albumentations ChannelDropout",
                                          make_op<ChannelDrop>};
  return spec;
}

}  // namespace sslrun::views
