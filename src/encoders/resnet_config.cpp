#include "encoders/resnet_config.h"

#include "config/fields.h"

#include <array>
#include <string_view>

namespace sslrun::encoders {
namespace {

constexpr std::array<std::string_view, 2> kStems = {"imagenet", "cifar"};
constexpr std::string_view kSource = "He et al. 2016, arXiv:1512.03385; v1.5 as in torchvision";

template <std::int64_t kDepth, std::int64_t kWidening = 1>
std::unique_ptr<config::Component> make() {
  return std::make_unique<ResNetConfig>(kDepth, kWidening);
}

}  // namespace

void ResNetConfig::bind(config::Fields& fields) {
  fields.choice("stem",
                stem,
                kStems,
                "imagenet: 7x7 stride 2 and max pool; cifar: 3x3 stride 1, for small images");
  fields.integer(
      "width", width, {.min = 1}, "channels of the first stage; the later ones double it");
  fields.boolean("zero_init_residual",
                 zero_init_residual,
                 "start every block as the identity: gamma of its last norm is 0");
}

config::Registry encoder_specs_resnet() {
  static const config::ComponentSpec resnet18{
      "resnet18", "ResNet-18, 11.2 M parameters", kSource, make<18>};
  static const config::ComponentSpec resnet34{
      "resnet34", "ResNet-34, 21.3 M parameters", kSource, make<34>};
  static const config::ComponentSpec resnet50{
      "resnet50", "ResNet-50, 23.5 M parameters", kSource, make<50>};
  static const config::ComponentSpec resnet101{
      "resnet101", "ResNet-101, 42.5 M parameters", kSource, make<101>};
  static const config::ComponentSpec resnet152{
      "resnet152", "ResNet-152, 58.1 M parameters", kSource, make<152>};
  static const config::ComponentSpec wide50{
      "wide_resnet50_2",
      "ResNet-50 with 3x3 convolutions twice as wide, 66.8 M parameters",
      "Zagoruyko and Komodakis 2016, arXiv:1605.07146; as in torchvision",
      make<50, 2>};
  static const config::ComponentSpec* const specs[] = {
      &resnet18, &resnet34, &resnet50, &resnet101, &resnet152, &wide50};
  return specs;
}

}  // namespace sslrun::encoders
