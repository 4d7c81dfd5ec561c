#include "checkpoint/safetensors.h"

#include "base/error.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>

namespace sslrun::checkpoint {
namespace {

static_assert(std::endian::native == std::endian::little,
              "tensor data is little-endian in the file and in memory");

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;
constexpr std::size_t kLengthBytes = 8;

struct Dtype {
  std::string_view name;
  at::ScalarType type;
};

// In the order of the data: that of the reference's enumeration, backwards.
constexpr std::array kDtypes = {
    Dtype{"I64", at::kLong},
    Dtype{"F64", at::kDouble},
    Dtype{"F32", at::kFloat},
    Dtype{"I32", at::kInt},
    Dtype{"BF16", at::kBFloat16},
    Dtype{"F16", at::kHalf},
    Dtype{"I16", at::kShort},
    Dtype{"I8", at::kChar},
    Dtype{"U8", at::kByte},
    Dtype{"BOOL", at::kBool},
};

std::size_t rank_of(at::ScalarType type) {
  for (std::size_t i = 0; i < kDtypes.size(); ++i) {
    if (kDtypes[i].type == type) return i;
  }
  throw UsageError(
      fmt::format("a tensor must have a dtype that safetensors knows, got {}", at::toString(type)));
}

/// What a file says about one tensor, checked against its header alone.
struct Entry {
  std::string name;
  at::ScalarType type;
  std::vector<std::int64_t> shape;
  std::uint64_t begin, end;
};

class Decoder {
 public:
  Decoder(std::string_view bytes, std::string_view source) : bytes_(bytes), source_(source) {}

  SafeTensors run() {
    SafeTensors out;
    const std::string_view data = read_header(out);
    std::uint64_t covered = 0;
    std::stable_sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
      return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    for (const Entry& entry : entries_) {
      if (entry.begin != covered)
        refuse(
            fmt::format("data of '{}' must begin at {}, got {}", entry.name, covered, entry.begin));
      covered = entry.end;
    }
    if (covered != data.size())
      refuse(fmt::format("must hold {} bytes of data, got {}", covered, data.size()));
    for (const Entry& entry : entries_) {
      const at::Tensor tensor = at::empty(entry.shape, entry.type);
      if (entry.end > entry.begin)
        std::memcpy(tensor.mutable_data_ptr(), data.data() + entry.begin, entry.end - entry.begin);
      out.tensors.emplace_back(entry.name, tensor);
    }
    std::sort(out.tensors.begin(), out.tensors.end(), [](const auto& a, const auto& b) {
      return a.first < b.first;
    });
    return out;
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw CheckpointError(fmt::format(
        "'{}' must be a whole safetensors file: {}; take another copy of it", source_, why));
  }

  std::string_view read_header(SafeTensors& out) {
    std::uint64_t length = 0;
    if (bytes_.size() < kLengthBytes)
      refuse(fmt::format("it has {} bytes, the length alone takes 8", bytes_.size()));
    std::memcpy(&length, bytes_.data(), kLengthBytes);
    if (length > kMaxHeaderBytes || length > bytes_.size() - kLengthBytes) {
      refuse(fmt::format("its header must fit in {} bytes, got a length of {}",
                         bytes_.size() - kLengthBytes,
                         length));
    }
    const std::string_view text = bytes_.substr(kLengthBytes, length);
    const nlohmann::json header = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (text.empty() || text[0] != '{' || !header.is_object())
      refuse("its header must be a JSON object");
    for (const auto& [name, value] : header.items()) {
      if (name == "__metadata__") {
        if (!value.is_object()) refuse("__metadata__ must map strings to strings");
        for (const auto& [key, text_value] : value.items()) {
          if (!text_value.is_string())
            refuse(fmt::format("__metadata__ '{}' must be a string", key));
          out.metadata.emplace(key, text_value.get<std::string>());
        }
      } else {
        entries_.push_back(read_entry(name, value));
      }
    }
    return bytes_.substr(kLengthBytes + length);
  }

  Entry read_entry(const std::string& name, const nlohmann::json& value) const {
    const auto integers = [&](const char* key) -> std::vector<std::uint64_t> {
      const auto found = value.find(key);
      if (found == value.end() || !found->is_array())
        refuse(fmt::format("'{}' must have a list '{}'", name, key));
      std::vector<std::uint64_t> list;
      for (const auto& item : *found) {
        if (!item.is_number_unsigned())
          refuse(fmt::format("'{}' of '{}' must hold whole numbers", key, name));
        list.push_back(item.get<std::uint64_t>());
      }
      return list;
    };
    if (!value.is_object() || !value.contains("dtype") || !value["dtype"].is_string()) {
      refuse(fmt::format("'{}' must have a dtype", name));
    }
    const std::string dtype = value["dtype"];
    const auto known = std::find_if(
        kDtypes.begin(), kDtypes.end(), [&](const Dtype& d) { return d.name == dtype; });
    if (known == kDtypes.end())
      refuse(fmt::format("dtype of '{}' must be one that is known here, got '{}'", name, dtype));
    const std::vector<std::uint64_t> offsets = integers("data_offsets");
    if (offsets.size() != 2 || offsets[1] < offsets[0])
      refuse(fmt::format("data_offsets of '{}' must be [begin, end]", name));
    Entry entry{name, known->type, {}, offsets[0], offsets[1]};
    std::uint64_t size = at::elementSize(known->type);
    for (const std::uint64_t extent : integers("shape")) {
      if (__builtin_mul_overflow(size, extent, &size) || extent > INT64_MAX)
        refuse(fmt::format("shape of '{}' is too large", name));
      entry.shape.push_back(static_cast<std::int64_t>(extent));
    }
    if (size != entry.end - entry.begin) {
      refuse(fmt::format(
          "'{}' must have {} bytes by its shape, got {}", name, size, entry.end - entry.begin));
    }
    return entry;
  }

  std::string_view bytes_, source_;
  std::vector<Entry> entries_;
};

}  // namespace

void encode_safetensors(const SafeTensors& content, std::string& bytes) {
  std::vector<std::pair<std::string_view, at::Tensor>> order;
  for (const auto& [name, tensor] : content.tensors) order.emplace_back(name, tensor);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return std::pair(rank_of(a.second.scalar_type()), a.first) <
           std::pair(rank_of(b.second.scalar_type()), b.first);
  });
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!content.metadata.empty()) header["__metadata__"] = content.metadata;
  std::uint64_t data_bytes = 0;
  for (const auto& [name, tensor] : order) {
    const std::string key(name);
    check_invariant(!key.empty() && key != "__metadata__" && !header.contains(key),
                    "tensor names in a file are distinct");
    const std::uint64_t end = data_bytes + tensor.nbytes();
    header[key] = {{"dtype", kDtypes[rank_of(tensor.scalar_type())].name},
                   {"shape", tensor.sizes().vec()},
                   {"data_offsets", {data_bytes, end}}};
    data_bytes = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + kLengthBytes - 1) / kLengthBytes * kLengthBytes, ' ');
  const std::uint64_t length = text.size();
  bytes.resize(kLengthBytes + length + data_bytes);
  std::memcpy(bytes.data(), &length, kLengthBytes);
  std::memcpy(bytes.data() + kLengthBytes, text.data(), length);
  char* place = bytes.data() + kLengthBytes + length;
  for (const auto& [name, tensor] : order) {
    // One pass from whatever device and layout straight into the file's bytes.
    at::from_blob(place, tensor.sizes(), tensor.scalar_type()).copy_(tensor.detach());
    place += tensor.nbytes();
  }
}

std::string encode_safetensors(const SafeTensors& content) {
  std::string bytes;
  encode_safetensors(content, bytes);
  return bytes;
}

SafeTensors decode_safetensors(std::string_view bytes, std::string_view source_name) {
  return Decoder(bytes, source_name).run();
}

}  // namespace sslrun::checkpoint
