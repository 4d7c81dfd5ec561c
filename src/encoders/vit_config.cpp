#include "encoders/vit_config.h"

#include "config/fields.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace sslrun::encoders {
namespace {

constexpr std::array<std::string_view, 2> kPools = {"class", "mean"};
constexpr std::array<std::string_view, 4> kPositions = {"learned", "sincos", "rotary", "relative"};
constexpr std::array<std::string_view, 3> kInterpolations = {"offset", "size", "antialias"};
constexpr std::array<std::string_view, 2> kDropPathRules = {"linear", "uniform"};
constexpr std::array<std::string_view, 5> kInits = {"dino", "dinov2", "mae", "mocov3", "ijepa"};
constexpr std::string_view kSource = "Dosovitskiy et al. 2021, arXiv:2010.11929; names as in timm";

template <std::int64_t kFeatures, std::int64_t kDepth, std::int64_t kHeads>
std::unique_ptr<config::Component> make() {
  return std::make_unique<VitConfig>(kFeatures, kDepth, kHeads);
}

void check_shape(config::Fields& fields, const VitConfig& c) {
  const std::int64_t heads = c.heads.value_or(c.default_heads);
  fields.check("heads",
               c.features % heads == 0,
               fmt::format("must divide the {} features, got {}", c.features, heads),
               "auto: 64 features a head (80 in vit_huge)");
  fields.check("image_size",
               c.image_size % c.patch == 0,
               fmt::format("must be a multiple of patch_size {}, got {}", c.patch, c.image_size),
               "it is the side of the views that the positions are made for");
  fields.check("pool",
               c.pool != "class" || c.class_token,
               "must be mean where there is no class token",
               "set class_token: true, or pool: mean");
  fields.check(
      "positions",
      c.positions != "rotary" || c.features % heads != 0 || c.features / heads % 4 == 0,
      fmt::format("must not be rotary where a head has {} features", c.features / heads),
      "rotary positions turn quarters of a head's features: choose heads so that 4 divides them");
}

}  // namespace

void VitConfig::bind(config::Fields& fields) {
  fields.integer("patch_size", patch, {.min = 1, .max = 1024}, "side in pixels of the patches");
  fields.integer("image_size",
                 image_size,
                 {.min = 1, .max = 65536},
                 "side in pixels of the views that positions are made for; for others they are "
                 "interpolated, and relative ones take smaller views as they are, no larger ones");
  fields.integer_or_auto(
      "depth", depth, {.min = 1, .max = 1000}, "blocks; auto: those of the encoder's name");
  fields.integer_or_auto("heads",
                         heads,
                         {.min = 1, .max = 4096},
                         "attention heads; auto: those of the name (MoCo v3: 12 in vit_small)");
  fields.boolean("class_token", class_token, "put a learned token before the patches");
  fields.choice("pool",
                pool,
                kPools,
                "what the features of an image are: its class token or the mean of its patches");
  fields.integer("registers",
                 registers,
                 {.min = 0, .max = 1024},
                 "learned tokens between class token and patches that take up global information");
  fields.choice("positions",
                positions,
                kPositions,
                "learned; sincos: fixed; rotary: queries and keys are turned by them; relative: "
                "every block's attention adds the same learned bias of two patches' offset (BEiT, "
                "SimMIM)");
  fields.choice("interpolation",
                interpolation,
                kInterpolations,
                "of positions to other sizes, bicubic: offset as DINO, size as MAE, antialias as "
                "timm");
  fields.real("layer_scale",
              layer_scale,
              {.min = 0},
              "starting value of a factor on each residual branch (DINOv2: 1e-5); 0: none");
  fields.real("drop_path",
              drop_path,
              {.min = 0, .max = 1, .open_max = true},
              "probability that a residual branch is left out in training");
  fields.choice("drop_path_rule",
                drop_path_rule,
                kDropPathRules,
                "linear: rises from 0 in the first block; uniform: the same in all (DINOv2)");
  fields.boolean("swiglu", swiglu, "gated feed-forward parts in place of GELU");
  fields.boolean(
      "freeze_patch_embed", freeze_patch_embed, "leave the patch embedding as it starts (MoCo v3)");
  fields.choice("init", init, kInits, "whose starting values");
  check_shape(fields, *this);
}

std::string VitConfig::view_problem(std::int64_t side) const {
  if (positions != "relative" || side <= image_size) return "";
  return fmt::format(
      "must have an image_size of the largest views' {} pixels or more where positions are "
      "relative, got {}",
      side,
      image_size);
}

config::Registry encoder_specs_vit() {
  static const config::ComponentSpec tiny{
      "vit_tiny", "ViT-Ti, 5.5 M parameters at patch 16", kSource, make<192, 12, 3>};
  static const config::ComponentSpec small{
      "vit_small", "ViT-S, 21.7 M parameters at patch 16", kSource, make<384, 12, 6>};
  static const config::ComponentSpec base{
      "vit_base", "ViT-B, 85.8 M parameters at patch 16", kSource, make<768, 12, 12>};
  static const config::ComponentSpec large{
      "vit_large", "ViT-L, 303.3 M parameters at patch 16", kSource, make<1024, 24, 16>};
  static const config::ComponentSpec huge{
      "vit_huge", "ViT-H, 630.8 M parameters at patch 14", kSource, make<1280, 32, 16>};
  static const config::ComponentSpec* const specs[] = {&tiny, &small, &base, &large, &huge};
  return specs;
}

}  // namespace sslrun::encoders
