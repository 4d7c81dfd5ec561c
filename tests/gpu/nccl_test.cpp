// NCCL's backend on the GPU that there is: a world of one rank, whose collectives change nothing.
#include "dist/device.h"
#include "dist/process_group.h"
#include "tests/support/catch.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <torch/csrc/distributed/c10d/HashStore.hpp>

namespace sslrun {

TEST_CASE("nccl: a world of one rank takes every collective, gradients included", "[gpu][dist]") {
  const at::Device device = dist::open_device("cuda:0");
  const auto world = dist::nccl_world(
      c10::make_intrusive<c10d::HashStore>(), {0, 1}, device, std::chrono::seconds(60));
  CHECK(world->rank() == 0);
  CHECK(world->size() == 1);
  const at::Tensor rows =
      at::arange(12, at::TensorOptions(device).dtype(at::kFloat)).view({4, 3}).requires_grad_(true);
  const at::Tensor all = world->all_gather(rows), sum = world->all_reduce_sum(rows);
  CHECK(at::equal(all, rows));
  CHECK(at::equal(sum, rows));
  (all * rows.detach() + sum).sum().backward();
  CHECK(at::equal(rows.grad(), rows.detach() + 1));
  world->barrier();
}

}  // namespace sslrun
