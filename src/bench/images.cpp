#include "bench/images.h"

#include "base/error.h"
#include "base/philox.h"
#include "base/thread_pool.h"
#include "image/jpeg_write.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <fstream>

namespace sslrun::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kCell = 40;      // pixels between the corners of the smooth part
constexpr double kGrain = 14;  // half the height of the fine part, in grey levels
constexpr int kQuality = 90;

/// Random corners every kCell pixels with straight lines between them, and grain on top. [height,
/// width, 3]
image::Image picture(std::int64_t width, std::int64_t height, std::uint32_t number) {
  Rng rng(0, Purpose::kProbe, 0, number, 0);
  const std::int64_t columns = width / kCell + 2, rows = height / kCell + 2;
  std::vector<double> corners(static_cast<std::size_t>(columns * rows * 3));
  for (double& corner : corners) corner = rng.uniform(20, 235);
  const auto corner = [&](std::int64_t y, std::int64_t x, std::int64_t c) {
    return corners[static_cast<std::size_t>((y * columns + x) * 3 + c)];
  };
  image::Image out;
  out.reshape(width, height, 3);
  std::uint8_t* to = out.pixels.data();
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t i = y / kCell, j = x / kCell;
      const double v = static_cast<double>(y % kCell) / kCell,
                   u = static_cast<double>(x % kCell) / kCell;
      const double grain = rng.uniform(-kGrain, kGrain);
      for (std::int64_t c = 0; c < 3; ++c) {
        const double smooth = (1 - v) * ((1 - u) * corner(i, j, c) + u * corner(i, j + 1, c)) +
                              v * ((1 - u) * corner(i + 1, j, c) + u * corner(i + 1, j + 1, c));
        *to++ = static_cast<std::uint8_t>(std::clamp(smooth + grain, 0.0, 255.0));
      }
    }
  }
  return out;
}

bool is_jpeg_name(const fs::path& path) {
  std::string ending = path.extension().string();
  for (char& c : ending) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return ending == ".jpg" || ending == ".jpeg";
}

std::vector<fs::path> jpeg_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  const auto options = fs::directory_options::follow_directory_symlink |
                       fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator it(folder, options, error), end; !error && it != end;
       it.increment(error)) {
    if (is_jpeg_name(it->path()) && it->is_regular_file()) files.push_back(it->path());
  }
  if (error)
    throw DataError(fmt::format("bench: --data must name a folder that can be read, got '{}': {}",
                                folder.string(),
                                error.message()));
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

std::string synthetic_jpeg(std::int64_t width, std::int64_t height, std::uint32_t number) {
  return image::encode_jpeg(picture(width, height, number), kQuality, image::Chroma::kFull);
}

JpegFolder::JpegFolder(const std::string& data,
                       std::int64_t least,
                       std::int64_t count,
                       std::int64_t width,
                       std::int64_t height) {
  if (data.empty()) {
    made_ = std::make_unique<TempFolder>();
    path_ = made_->path();
    parallel_for(count, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        std::ofstream file(path_ / fmt::format("{:05}.jpg", i), std::ios::binary);
        file << synthetic_jpeg(width, height, static_cast<std::uint32_t>(i)) << std::flush;
        if (!file)
          throw StorageError(
              fmt::format("'{}' must have room for {} small files; TMPDIR names another folder",
                          path_.string(),
                          count));
      }
    });
    note_ =
        fmt::format("{} synthetic JPEGs of {} x {}; --data names real ones", count, width, height);
  } else {
    path_ = data;
    note_ = fmt::format("'{}'", data);
  }
  files_ = jpeg_files(path_);
  const auto found = static_cast<std::int64_t>(files_.size());
  if (found < least) {
    throw DataError(
        fmt::format("bench: --data must name a folder with {} JPEG file{} or more (.jpg, .jpeg, at "
                    "any depth), and '{}' has {}; "
                    "without --data synthetic ones are made",
                    least,
                    least == 1 ? "" : "s",
                    data,
                    found));
  }
}

}  // namespace sslrun::bench
