#include "checkpoint/safetensors.h"

#include "base/error.h"
#include "base/file.h"
#include "tests/support/torch_catch.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>

#include <nlohmann/json.hpp>

#include <string>

namespace {

using namespace sslrun;

std::string golden() {
  const auto json =
      nlohmann::json::parse(read_file(std::string(SSLRUN_TEST_DIR) + "/golden/safetensors.json"));
  const std::string hex = json["hex"];
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

std::string with_header(std::string header, std::size_t data_bytes) {
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(header.size());
  return bytes + header + std::string(data_bytes, 'x');
}

}  // namespace

TEST_CASE("safetensors: reading and writing gives the reference writer's bytes back",
          "[checkpoint][safetensors]") {
  const std::string bytes = golden();
  const checkpoint::SafeTensors content = checkpoint::decode_safetensors(bytes, "golden");
  REQUIRE(content.tensors.size() == 11);
  CHECK(content.metadata.at("format") == "pt");
  CHECK(checkpoint::encode_safetensors(content) == bytes);
  for (const auto& [name, t] : content.tensors) {
    if (name == "a.count") CHECK(t.item<std::int64_t>() == 7);
    if (name == "b.weight") CHECK((t.dim() == 2 && t[1][2].item<float>() == 5));
    if (name == "a.bf") CHECK((t.scalar_type() == at::kBFloat16 && t.item<float>() == 3));
    if (name == "e.empty") CHECK((t.sizes() == at::IntArrayRef{0, 4}));
    if (name == "i.i16") CHECK(t.item<int>() == -300);
  }
}

TEST_CASE("safetensors: a transposed tensor and a parameter are written row-major",
          "[checkpoint][safetensors]") {
  const at::Tensor t = at::ones({2, 3}).requires_grad_(true);
  const checkpoint::SafeTensors back = checkpoint::decode_safetensors(
      checkpoint::encode_safetensors({{{"w", t.t()}}, {}}), "memory");
  CHECK(back.tensors.at(0).second.equal(t.detach().t()));
}

TEST_CASE("safetensors: every truncation, and what the format forbids, is refused",
          "[checkpoint][safetensors]") {
  const std::string bytes = golden();
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    CHECK_THROWS_AS(checkpoint::decode_safetensors(std::string_view(bytes).substr(0, n), "cut"),
                    CheckpointError);
  }
  CHECK_THROWS_AS(checkpoint::decode_safetensors(bytes + "x", "longer"), CheckpointError);
  const auto refused = [](const std::string& header, std::size_t data_bytes) {
    CHECK_THROWS_AS(checkpoint::decode_safetensors(with_header(header, data_bytes), "made"),
                    CheckpointError);
  };
  CHECK_NOTHROW(checkpoint::decode_safetensors(
      with_header(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}} )", 2), "made"));
  refused("[]", 0);
  refused(" {}", 0);
  refused("{", 0);
  refused(R"({"a":3})", 0);
  refused(R"({"__metadata__":{"n":3}})", 0);
  refused(R"({"a":{"dtype":"U9","shape":[2],"data_offsets":[0,2]}})", 2);
  refused(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", 3);   // hole
  refused(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,3]}})", 3);   // shape differs
  refused(R"({"a":{"dtype":"U8","shape":[-2],"data_offsets":[0,2]}})", 2);  // negative
  refused(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[2,0]}})", 2);   // backwards
  refused(R"({"a":{"dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,0]}})", 0);
  refused(
      R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
      3);
}

TEST_CASE("safetensors: no bit flip makes the reader crash", "[checkpoint][safetensors]") {
  const std::string bytes = golden();
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    try {
      checkpoint::decode_safetensors(damaged, "damaged");
    } catch (const CheckpointError&) {
      continue;  // a flip in the data or in a name reads well: the manifest finds it
    }
  }
  SUCCEED();
}
