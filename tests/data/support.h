// Data sets made by the tests: folders of files and sources in memory.
#pragma once
#include "image/image.h"
#include "image/png_write.h"

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

namespace sslrun::test {

/// A folder that is gone with the object.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sslrun-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }

  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  std::string path(const std::string& below = "") const {
    return below.empty() ? path_ : path_ + "/" + below;
  }

  void write(const std::string& below, const std::string& bytes) const {
    std::filesystem::create_directories(std::filesystem::path(path(below)).parent_path());
    std::ofstream(path(below), std::ios::binary) << bytes;
  }

 private:
  std::string path_;
};

/// PNG of one colour.
inline std::string flat_png(std::uint8_t value, std::int64_t width = 3, std::int64_t height = 2) {
  image::Image image;
  image.reshape(width, height, 3);
  image.pixels.assign(image.pixels.size(), value);
  return image::encode_png(image);
}

/// A file in a tar archive, as ustar.
inline std::string tar_member(const std::string& name, const std::string& content) {
  char header[513] = {};
  std::snprintf(header, 101, "%s", name.c_str());
  std::snprintf(
      header + 100, 57, "0000644%c0000000%c0000000%c%011zo%c%011o", 0, 0, 0, content.size(), 0, 0);
  std::memcpy(header + 148, "        0", 9);
  std::memcpy(header + 257,
              "ustar\0"
              "00",
              8);
  unsigned sum = 0;
  for (int i = 0; i < 512; ++i) sum += static_cast<unsigned char>(header[i]);
  std::snprintf(header + 148, 8, "%06o", sum);
  return std::string(header, 512) + content + std::string((512 - content.size() % 512) % 512, '\0');
}

}  // namespace sslrun::test
