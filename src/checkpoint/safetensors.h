// The safetensors format: named tensors and a string map in one file that holds no code.
// source: github.com/huggingface/safetensors, README "Format" and safetensors/src/tensor.rs.
#pragma once
#include "nn/module.h"

#include <map>
#include <string>
#include <string_view>

namespace sslrun::checkpoint {

struct SafeTensors {
  nn::NamedTensors tensors;  // by name
  std::map<std::string, std::string> metadata;
};

/// The bytes of a file with these tensors, equal to those of the reference writer: u64 length, JSON
/// header padded with spaces to 8 bytes, data sorted by dtype, widest first, then by name. Tensors
/// may lie on any device, in any layout.
/// errors    UsageError for a dtype that the format lacks; an empty or repeated name is a bug of
///           the caller.
std::string encode_safetensors(const SafeTensors& content);
/// The same into `bytes`, whose memory is used again: a second file of the same size costs a copy
/// and no page faults.
void encode_safetensors(const SafeTensors& content, std::string& bytes);

/// The tensors in `bytes`, on the CPU, each with its own memory. Accepts exactly what the format
/// allows. source_name: what the bytes are called in messages.
/// errors    CheckpointError: a header that is no JSON object of the format, a dtype unknown here,
///           data that overlaps, leaves holes, is cut short or goes on.
SafeTensors decode_safetensors(std::string_view bytes, std::string_view source_name);

}  // namespace sslrun::checkpoint
