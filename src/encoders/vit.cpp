#include "encoders/vit.h"

#include "base/error.h"
#include "encoders/vit_config.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/index.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>

namespace sslrun::encoders {
namespace {

constexpr double kTokenStd = 0.02, kTinyStd = 1e-6;

nn::MatrixRule matrix_rule(VitStart start) {
  if (start == VitStart::kMae) return nn::MatrixRule::kXavier;
  if (start == VitStart::kMoCoV3) return nn::MatrixRule::kXavierSplitQkv;
  return nn::MatrixRule::kNormal;
}

VitPositions positions_of(const std::string& name) {
  if (name == "sincos") return VitPositions::kSinCos;
  if (name == "relative") return VitPositions::kRelative;
  return name == "rotary" ? VitPositions::kRotary : VitPositions::kLearned;
}

nn::PositionResize resize_of(const std::string& name) {
  if (name == "offset") return nn::PositionResize::kOffset;
  return name == "size" ? nn::PositionResize::kSize : nn::PositionResize::kAntialias;
}

VitStart start_of(const std::string& name) {
  if (name == "dinov2") return VitStart::kDinoV2;
  if (name == "mae") return VitStart::kMae;
  if (name == "mocov3") return VitStart::kMoCoV3;
  return name == "ijepa" ? VitStart::kIJepa : VitStart::kDino;
}

VitShape shape_of(const VitConfig& config, std::int64_t channels) {
  return {.features = config.features,
          .depth = config.depth.value_or(config.default_depth),
          .heads = config.heads.value_or(config.default_heads),
          .channels = channels,
          .patch_size = config.patch,
          .image_size = config.image_size,
          .class_token = config.class_token,
          .registers = config.registers,
          .layer_scale = config.layer_scale,
          .drop_path = config.drop_path,
          .drop_path_uniform = config.drop_path_rule == "uniform",
          .swiglu = config.swiglu,
          .positions = positions_of(config.positions),
          .position_resize = resize_of(config.interpolation),
          .pool = config.pool == "class" ? VitPool::kClass : VitPool::kMean,
          .freeze_patch_embed = config.freeze_patch_embed,
          .start = start_of(config.init)};
}

std::unique_ptr<nn::Conv2d> patch_projection(const VitShape& shape, nn::Init& init) {
  const std::array<std::int64_t, 4> sizes = {
      shape.features, shape.channels, shape.patch_size, shape.patch_size};
  const double inputs = static_cast<double>(shape.channels * shape.patch_size * shape.patch_size);
  const double bound = 1 / std::sqrt(inputs);  // what torch.nn.Conv2d starts within
  const bool by_xavier = shape.start == VitStart::kMae || shape.start == VitStart::kMoCoV3;
  at::Tensor weight_DCpp = shape.start == VitStart::kIJepa ? init.normal(sizes, kTokenStd)
                           : by_xavier                     ? init.xavier(sizes)
                                                           : init.uniform(sizes, bound);
  const bool no_bias = shape.start == VitStart::kMoCoV3 || shape.start == VitStart::kIJepa;
  at::Tensor bias_D =
      no_bias ? nn::Init::constant({shape.features}, 0) : init.uniform({shape.features}, bound);
  return std::make_unique<nn::Conv2d>(weight_DCpp, bias_D, shape.patch_size, 0);
}

double drop_path_of(const VitShape& shape, std::int64_t block) {
  if (shape.drop_path_uniform) return shape.drop_path;
  return shape.depth == 1
             ? 0
             : shape.drop_path * static_cast<double>(block) / static_cast<double>(shape.depth - 1);
}

}  // namespace

VisionTransformer::VisionTransformer(const VitShape& shape, nn::Init& init)
    : shape_(shape), norm_(shape.features) {
  make_tokens(init);
  make_positions(init);
  patch_projection_ = patch_projection(shape, init);
  if (shape.freeze_patch_embed) patch_projection_->freeze();
  register_module("patch_embed.proj", *patch_projection_);
  for (std::int64_t i = 0; i < shape.depth; ++i) {
    const double shrink =
        shape.start == VitStart::kIJepa ? 1 / std::sqrt(2.0 * static_cast<double>(i + 1)) : 1;
    blocks_.push_back(std::make_unique<nn::TransformerBlock>(
        nn::BlockShape{.features = shape.features,
                       .heads = shape.heads,
                       .swiglu = shape.swiglu,
                       .layer_scale = shape.layer_scale,
                       .drop_path = drop_path_of(shape, i)},
        nn::TransformerInit{.rule = matrix_rule(shape.start), .residual_scale = shrink},
        init));
    register_module("blocks." + std::to_string(i), *blocks_.back());
  }
  register_module("norm", norm_);
}

void VisionTransformer::make_tokens(nn::Init& init) {
  const bool tiny = shape_.start == VitStart::kDinoV2 || shape_.start == VitStart::kMoCoV3;
  if (shape_.class_token)
    cls_token_11D_ = register_parameter(
        "cls_token", init.normal({1, 1, shape_.features}, tiny ? kTinyStd : kTokenStd));
  if (shape_.registers > 0)
    reg_token_1RD_ = register_parameter(
        "reg_token", init.normal({1, shape_.registers, shape_.features}, kTinyStd));
}

void VisionTransformer::make_positions(nn::Init& init) {
  const std::int64_t side = shape_.image_size / shape_.patch_size;
  const std::int64_t slots = class_has_position() ? 1 : 0;
  if (shape_.positions == VitPositions::kLearned) {
    pos_embed_1MD_ = register_parameter(
        "pos_embed", init.normal({1, slots + side * side, shape_.features}, kTokenStd));
  } else if (shape_.positions == VitPositions::kSinCos) {
    const at::Tensor table_MD = nn::sincos_positions(
        side, side, shape_.features, /*row_first=*/shape_.start == VitStart::kMoCoV3);
    pos_embed_1MD_ = register_buffer(
        "pos_embed", at::cat({at::zeros({slots, shape_.features}), table_MD}, 0).unsqueeze(0));
  } else if (shape_.positions == VitPositions::kRelative) {
    relative_EH_ =
        register_parameter("rel_pos_bias.relative_position_bias_table",
                           nn::Init::constant({nn::num_relative_positions(side), shape_.heads}, 0));
  }
}

VisionTransformer::Patches VisionTransformer::embed(const at::Tensor& x_NCHW) const {
  const std::int64_t height = x_NCHW.size(2), width = x_NCHW.size(3);
  if (height % shape_.patch_size != 0 || width % shape_.patch_size != 0) {
    throw UsageError(
        fmt::format("sides of an image must be multiples of patch_size {}, got {} x {}",
                    shape_.patch_size,
                    height,
                    width));
  }
  const at::Tensor map_NDRC = patch_projection_->forward(x_NCHW);
  return {map_NDRC.flatten(2).transpose(1, 2), map_NDRC.size(2), map_NDRC.size(3)};
}

void VisionTransformer::add_positions(Patches& patches) const {
  if (!pos_embed_1MD_.defined()) return;
  const at::Tensor positions_MD =
      pos_embed_1MD_.select(0, 0).slice(0, class_has_position() ? 1 : 0);
  patches.x_NMD =
      patches.x_NMD +
      nn::resize_positions(positions_MD, patches.rows, patches.columns, shape_.position_resize);
}

const VisionTransformer::GridTables& VisionTransformer::tables(const Patches& patches) const {
  const at::Device device = patches.x_NMD.device();
  const auto grid = std::tuple(patches.rows, patches.columns, device.str());
  if (const auto known = tables_.find(grid); known != tables_.end()) return known->second;
  GridTables made;
  if (shape_.positions == VitPositions::kRotary) {
    const nn::Rotation host =
        nn::rotary_positions(patches.rows, patches.columns, shape_.features / shape_.heads);
    made.rotation = {host.cos.to(device), host.sin.to(device)};
  } else {
    made.relative_index_TT = relative_index(patches).to(device);
  }
  return tables_.emplace(grid, made).first->second;
}

at::Tensor VisionTransformer::relative_index(const Patches& patches) const {
  const std::int64_t side = shape_.image_size / shape_.patch_size;
  if (patches.rows > side || patches.columns > side) {
    throw UsageError(fmt::format(
        "sides of an image must be at most image_size {} with relative positions, got {} x {}",
        shape_.image_size,
        patches.rows * shape_.patch_size,
        patches.columns * shape_.patch_size));
  }
  return nn::relative_positions(patches.rows, patches.columns, side, prefix());
}

at::Tensor VisionTransformer::bias_of(const at::Tensor& index_TT) const {
  const at::Tensor bias_TTH = at::index(relative_EH_, {std::optional<at::Tensor>(index_TT)});
  return bias_TTH.movedim(-1, -3).contiguous();
}

at::Tensor VisionTransformer::run(const at::Tensor& x_NKD,
                                  const nn::Rotation* rotation,
                                  const at::Tensor& bias_HTT) const {
  std::vector<at::Tensor> parts;
  if (shape_.class_token) {
    at::Tensor token_11D = cls_token_11D_;
    if (class_has_position() && pos_embed_1MD_.defined())
      token_11D = token_11D + pos_embed_1MD_.narrow(1, 0, 1);
    parts.push_back(token_11D.expand({x_NKD.size(0), -1, -1}));
  }
  if (shape_.registers > 0) parts.push_back(reg_token_1RD_.expand({x_NKD.size(0), -1, -1}));
  parts.push_back(x_NKD);
  at::Tensor x_NTD = at::cat(parts, 1);
  for (const auto& block : blocks_) x_NTD = block->forward(x_NTD, rotation, bias_HTT);
  return norm_.forward(x_NTD);
}

at::Tensor VisionTransformer::tokens(const at::Tensor& x_NCHW,
                                     const at::Tensor& mask_NM,
                                     const at::Tensor& mask_token_D) const {
  Patches patches = embed(x_NCHW);
  if (mask_NM.defined()) {
    patches.x_NMD = at::where(
        mask_NM.unsqueeze(2), mask_token_D.to(patches.x_NMD.scalar_type()), patches.x_NMD);
  }
  add_positions(patches);
  if (shape_.positions == VitPositions::kRelative)
    return run(patches.x_NMD, nullptr, bias_of(tables(patches).relative_index_TT));
  if (shape_.positions != VitPositions::kRotary) return run(patches.x_NMD, nullptr, {});
  return run(patches.x_NMD, &tables(patches).rotation, {});
}

at::Tensor VisionTransformer::tokens_of(const at::Tensor& x_NCHW, const at::Tensor& keep_NK) const {
  Patches patches = embed(x_NCHW);
  add_positions(patches);
  const at::Tensor x_NKD =
      patches.x_NMD.gather(1, keep_NK.unsqueeze(2).expand({-1, -1, shape_.features}));
  if (shape_.positions == VitPositions::kRelative) {
    const at::Tensor first_P = at::arange(prefix(), keep_NK.options());
    const at::Tensor kept_NT =
        at::cat({first_P.expand({keep_NK.size(0), -1}), keep_NK + prefix()}, 1);
    return run(x_NKD,
               nullptr,
               bias_of(at::index(tables(patches).relative_index_TT,
                                 {std::optional<at::Tensor>(kept_NT.unsqueeze(2)),
                                  std::optional<at::Tensor>(kept_NT.unsqueeze(1))})));
  }
  if (shape_.positions != VitPositions::kRotary) return run(x_NKD, nullptr, {});
  const nn::Rotation& whole = tables(patches).rotation;
  const auto kept = [&](const at::Tensor& table_Md) {
    return table_Md.index_select(0, keep_NK.flatten())
        .view({keep_NK.size(0), 1, keep_NK.size(1), table_Md.size(1)});
  };
  const nn::Rotation turn{kept(whole.cos), kept(whole.sin)};
  return run(x_NKD, &turn, {});
}

at::Tensor VisionTransformer::forward(const at::Tensor& x_NCHW) const {
  const at::Tensor x_NTD = tokens(x_NCHW);
  return shape_.pool == VitPool::kClass ? x_NTD.select(1, 0) : x_NTD.slice(1, prefix()).mean(1);
}

std::int64_t VisionTransformer::layer_of(std::string_view parameter) const {
  constexpr std::string_view kBlocks = "blocks.";
  if (parameter.starts_with(kBlocks)) {
    const std::string_view rest = parameter.substr(kBlocks.size());
    std::int64_t block = 0;
    std::from_chars(rest.data(), rest.data() + rest.size(), block);
    return block + 1;
  }
  const bool last = parameter.starts_with("norm.") || parameter.starts_with("rel_pos_bias.");
  return last ? shape_.depth + 1 : 0;
}

const VisionTransformer& as_vit(const Encoder& encoder) {
  const auto* const vit = dynamic_cast<const VisionTransformer*>(&encoder);
  check_invariant(vit != nullptr, "a method on patches has a vision transformer");
  return *vit;
}

std::unique_ptr<Encoder> make_encoder_vit(const config::Component& component,
                                          std::uint32_t seed,
                                          std::int64_t channels) {
  const auto* const config = dynamic_cast<const VitConfig*>(&component);
  if (config == nullptr) return nullptr;
  nn::Init init(seed);
  return std::make_unique<VisionTransformer>(shape_of(*config, channels), init);
}

}  // namespace sslrun::encoders
