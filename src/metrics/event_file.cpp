#include "metrics/event_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>

namespace sslrun::metrics {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ ((c & 1u) != 0 ? 0x82F63B78u : 0u);
    table[i] = c;
  }
  return table;
}

constexpr auto kTable = make_table();

std::uint32_t masked_crc(std::string_view bytes) {
  const std::uint32_t c = crc32c(bytes);
  return ((c >> 15) | (c << 17)) + 0xa282ead8u;
}

void put_fixed(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8 * i)) & 0xff);
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7f) | 0x80);
  out += static_cast<char>(value);
}

enum class Wire : std::uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void put_key(std::string& out, std::uint32_t field, Wire wire) {
  put_varint(out, (field << 3) | static_cast<std::uint32_t>(wire));
}

void put_int(std::string& out, std::uint32_t field, std::int64_t value) {
  put_key(out, field, Wire::kVarint);
  put_varint(out, static_cast<std::uint64_t>(value));
}

void put_bytes(std::string& out, std::uint32_t field, std::string_view bytes) {
  put_key(out, field, Wire::kBytes);
  put_varint(out, bytes.size());
  out += bytes;
}

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string event_header() {
  std::string out;
  put_key(out, 1, Wire::kFixed64);
  put_fixed(out, std::bit_cast<std::uint64_t>(wall_time()), 8);
  return out;
}

std::string summary_event(std::int64_t step, std::string_view value) {
  std::string summary, event = event_header();
  put_bytes(summary, 1, value);
  put_int(event, 2, step);
  put_bytes(event, 5, summary);
  return event;
}

std::filesystem::path path_in(const std::filesystem::path& folder) {
  std::error_code error;  // opening the file tells of it
  std::filesystem::create_directories(folder, error);
  return folder / fmt::format("events.out.tfevents.{}.sslrun.{}",
                              static_cast<std::int64_t>(wall_time()),
                              ::getpid());
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t c = 0xffffffffu;
  for (const char b : bytes) c = (c >> 8) ^ kTable[(c ^ static_cast<unsigned char>(b)) & 0xff];
  return ~c;
}

EventFile::EventFile(const std::filesystem::path& folder) : file_(path_in(folder)) {
  std::string event = event_header();
  put_bytes(event, 3, "brain.Event:2");
  record(event);
}

void EventFile::scalar(std::int64_t step, std::string_view tag, float value) {
  std::string v;
  put_bytes(v, 1, tag);
  put_key(v, 2, Wire::kFixed32);
  put_fixed(v, std::bit_cast<std::uint32_t>(value), 4);
  record(summary_event(step, v));
}

void EventFile::image(std::int64_t step,
                      std::string_view tag,
                      std::int64_t width,
                      std::int64_t height,
                      std::string_view png) {
  constexpr std::int64_t kRgb = 3;
  std::string picture, v;
  put_int(picture, 1, height);
  put_int(picture, 2, width);
  put_int(picture, 3, kRgb);
  put_bytes(picture, 4, png);
  put_bytes(v, 1, tag);
  put_bytes(v, 4, picture);
  record(summary_event(step, v));
}

void EventFile::record(const std::string& event) {
  std::string out;
  put_fixed(out, event.size(), 8);
  put_fixed(out, masked_crc(out), 4);
  out += event;
  put_fixed(out, masked_crc(event), 4);
  file_.write(out);
}

}  // namespace sslrun::metrics
