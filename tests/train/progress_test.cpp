#include "train/progress.h"

#include "tests/support/torch_catch.h"

#include <unistd.h>

#include <array>
#include <string>

using namespace sslrun::train;

TEST_CASE("progress: durations in two units", "[train][progress]") {
  CHECK(duration_text(0.4) == "0 s");
  CHECK(duration_text(59.6) == "1 min 0 s");
  CHECK(duration_text(500) == "8 min 20 s");
  CHECK(duration_text(11100) == "3 h 5 min");
  CHECK(duration_text(187200) == "2 d 4 h");
}

TEST_CASE("progress: in a pipe it writes plain lines, without carriage returns and escapes",
          "[train][progress]") {
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  {
    Progress progress(ends[1]);
    const StepView view{.step = 120,
                        .total_steps = 1160,
                        .epoch = 3,
                        .epochs = 20,
                        .images_per_s = 2345,
                        .data_wait = 0.003,
                        .loss = 4.812,
                        .lr = 0.123,
                        .eta_s = 500};
    progress.update(view, false);
    progress.update(view, false);  // too early for another one
    progress.update(view, true);
  }
  close(ends[1]);
  std::array<char, 4096> buffer{};
  const auto n = read(ends[0], buffer.data(), buffer.size());
  close(ends[0]);
  const std::string line =
      "epoch 3/20  step 120/1160  2345 images/s  wait 0.3 %  loss 4.8120  lr 0.123  8 min 20 s "
      "left\n";
  CHECK(std::string(buffer.data(), static_cast<std::size_t>(n)) == line + line);
}
