#include "ops/view_batch.h"

#include "ops/device.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

namespace sslrun::ops {

at::Tensor make_views(const std::uint8_t* pack,
                      const kernels::ViewBatchSize& size,
                      at::Device device) {
  const at::Tensor host =
      at::from_blob(const_cast<std::uint8_t*>(pack), {size.pack_bytes}, at::kByte);
  const at::Tensor there =
      device.is_cpu() ? host : host.to(device, at::kByte, /*non_blocking=*/true);
  const at::TensorOptions bytes(at::device(device).dtype(at::kByte));
  const at::TensorOptions floats(at::device(device).dtype(at::kFloat));
  at::Tensor resized = at::empty({size.resized_bytes}, bytes);
  at::Tensor changed = at::empty({size.changed_floats}, floats);
  at::Tensor out = at::empty({size.out_floats}, floats);
  const kernels::ViewBatchArgs args{size,
                                    there.const_data_ptr<std::uint8_t>(),
                                    resized.data_ptr<std::uint8_t>(),
                                    changed.data_ptr<float>(),
                                    out.data_ptr<float>()};
  on_device(out, [&](auto where) { kernels::view_batch(args, where); });
  return out;
}

}  // namespace sslrun::ops
