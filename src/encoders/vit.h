// Vision transformers.  N images, C channels, H x W pixels, M patches row by row, P tokens before
// them, D features.
#pragma once
#include "encoders/encoder.h"
#include "nn/conv2d.h"
#include "nn/layer_norm.h"
#include "nn/positions.h"
#include "nn/transformer_block.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace sslrun::encoders {

enum class VitPositions { kLearned, kSinCos, kRotary, kRelative };
enum class VitPool { kClass, kMean };
/// Whose starting values.
enum class VitStart { kDino, kDinoV2, kMae, kMoCoV3, kIJepa };

struct VitShape {
  std::int64_t features = 192;
  std::int64_t depth = 12;
  std::int64_t heads = 3;
  std::int64_t channels = 3;      // of the images
  std::int64_t patch_size = 16;   // pixels
  std::int64_t image_size = 224;  // pixels; the grid that positions are made for
  bool class_token = true;
  std::int64_t registers = 0;
  double layer_scale = 0;          // 0: none
  double drop_path = 0;            // of the last block
  bool drop_path_uniform = false;  // of every block, else rising from 0 at the first
  bool swiglu = false;
  VitPositions positions = VitPositions::kLearned;
  nn::PositionResize position_resize = nn::PositionResize::kAntialias;
  VitPool pool = VitPool::kClass;
  bool freeze_patch_embed = false;
  VitStart start = VitStart::kDino;
};

/// A pre-norm vision transformer without its classifier. Names and shapes of the state are timm's, and
/// outputs equal timm's for equal weights. Without registers pos_embed has a slot for the class
/// token, with them it has not (timm's no_embed_class). Fixed positions are a buffer, rotary ones no
/// part of the state; relative ones are a bias of every block's attention, from one table that is
/// timm's Beit's with use_shared_rel_pos_bias, and registers count as the class token there.
/// source    Dosovitskiy et al. 2021, arXiv:2010.11929; registers: Darcet et al. 2024,
///           arXiv:2309.16588; relative positions: microsoft/SimMIM models/vision_transformer.py with
///           use_shared_rel_pos_bias alone; starting values: facebookresearch/dino, dinov2, mae,
///           moco-v3, ijepa.
class VisionTransformer final : public Encoder {
 public:
  VisionTransformer(const VitShape& shape, nn::Init& init);

  /// x_NCHW [N, C, H, W], sides that patch_size divides -> [N, P + M, D] after the last norm: class
  /// token, registers, patches. mask_NM bool: the patches whose embedding mask_token_D replaces
  /// before positions are added.
  at::Tensor tokens(const at::Tensor& x_NCHW,
                    const at::Tensor& mask_NM = {},
                    const at::Tensor& mask_token_D = {}) const;

  /// Only the patches keep_NK int64, row-major numbers, go through the blocks -> [N, P + K, D].
  at::Tensor tokens_of(const at::Tensor& x_NCHW, const at::Tensor& keep_NK) const;

  /// The class token, or the mean of the patches, after the last norm -> [N, D].
  at::Tensor forward(const at::Tensor& x_NCHW) const override;

  std::int64_t width() const override { return shape_.features; }

  /// P, tokens before the patches: class token and registers.
  std::int64_t prefix() const { return (shape_.class_token ? 1 : 0) + shape_.registers; }

  std::int64_t patch_size() const { return shape_.patch_size; }

  bool has_class() const { return shape_.class_token; }

  std::int64_t heads() const { return shape_.heads; }

  std::int64_t layer_of(std::string_view parameter) const override;

  std::int64_t num_layers() const override { return shape_.depth + 2; }

 private:
  struct Patches {
    at::Tensor x_NMD;
    std::int64_t rows, columns;
  };

  /// What follows from a grid alone, on the images' device.
  struct GridTables {
    nn::Rotation rotation;
    at::Tensor relative_index_TT;  // entries of relative_EH_, int64
  };

  bool class_has_position() const { return shape_.class_token && shape_.registers == 0; }

  void make_tokens(nn::Init& init);
  void make_positions(nn::Init& init);
  Patches embed(const at::Tensor& x_NCHW) const;
  void add_positions(Patches& patches) const;
  /// Prefix, blocks and last norm.
  at::Tensor run(const at::Tensor& x_NKD,
                 const nn::Rotation* rotation,
                 const at::Tensor& bias_HTT) const;
  /// index_TT [T, T] or [N, T, T] -> [heads, T, T] or [N, heads, T, T].
  at::Tensor bias_of(const at::Tensor& index_TT) const;
  const GridTables& tables(const Patches& patches) const;
  at::Tensor relative_index(const Patches& patches) const;

  VitShape shape_;
  at::Tensor cls_token_11D_, reg_token_1RD_, pos_embed_1MD_, relative_EH_;
  std::unique_ptr<nn::Conv2d> patch_projection_;
  std::vector<std::unique_ptr<nn::TransformerBlock>> blocks_;
  nn::LayerNorm norm_;
  /// By rows, columns and device. Made once: on a GPU a copy from the host waits for all work before.
  mutable std::map<std::tuple<std::int64_t, std::int64_t, std::string>, GridTables> tables_;
};

/// The encoder as a vision transformer: what a method that works on patches calls for. A recipe with
/// another encoder was refused before.
const VisionTransformer& as_vit(const Encoder& encoder);

}  // namespace sslrun::encoders
