// The heads of self-supervised methods.  N rows, D[0] inputs, D[last] outputs.
#pragma once
#include "nn/batch_norm.h"
#include "nn/linear.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace sslrun::nn {

struct MlpShape {
  std::vector<std::int64_t> widths;        // inputs, hidden widths, outputs: two or more
  bool hidden_norm = true;                 // batch norm before each ReLU
  std::optional<Affine> output_norm = {};  // batch norm after the last linear; none unless given
  bool hidden_bias = false;                // bias of the linears before the last
  bool output_bias = false;                // bias of the last linear
};

/// Linear, batch norm, ReLU, ..., Linear, batch norm. Names are those of torch.nn.Sequential over
/// exactly these parts: "0.weight", "1.weight" (norm), "3.weight" (2 is the ReLU), ...
class Mlp final : public Module {
 public:
  Mlp(const MlpShape& shape, Init& init);

  /// x_ND [N, widths.front()] -> [N, widths.back()].
  at::Tensor forward(const at::Tensor& x_ND) const;

 private:
  struct Layer {
    std::unique_ptr<Linear> linear;
    std::unique_ptr<BatchNorm> norm;  // null: none
    bool relu;
  };

  std::vector<Layer> layers_;
};

}  // namespace sslrun::nn
