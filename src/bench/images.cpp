#include "bench/images.h"

#include "base/error.h"
#include "base/philox.h"
#include "base/thread_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fstream>
// jpeglib.h needs <cstdio> before it.
#include <jpeglib.h>

namespace sslrun::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kCell = 40;      // pixels between the corners of the smooth part
constexpr double kGrain = 14;  // half the height of the fine part, in grey levels
constexpr int kQuality = 90;

// libjpeg leaves by longjmp where memory ends; the function that calls setjmp holds no object with
// a destructor.
struct Encoder {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  std::jmp_buf escape{};
  unsigned char* bytes = nullptr;
  unsigned long size = 0;

  ~Encoder() {
    jpeg_destroy_compress(&info);
    std::free(bytes);
  }
};

[[noreturn]] void on_error(j_common_ptr common) {
  std::longjmp(static_cast<Encoder*>(common->client_data)->escape, 1);
}

bool encode(Encoder& e, const std::uint8_t* pixels, std::int64_t width, std::int64_t height) {
  if (setjmp(e.escape) != 0) return false;
  jpeg_create_compress(&e.info);
  e.info.client_data = &e;
  jpeg_mem_dest(&e.info, &e.bytes, &e.size);
  e.info.image_width = static_cast<JDIMENSION>(width);
  e.info.image_height = static_cast<JDIMENSION>(height);
  e.info.input_components = 3;
  e.info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&e.info);
  jpeg_set_quality(&e.info, kQuality, TRUE);
  e.info.comp_info[0].h_samp_factor = e.info.comp_info[0].v_samp_factor = 1;
  jpeg_start_compress(&e.info, TRUE);
  while (e.info.next_scanline < e.info.image_height) {
    auto* row = const_cast<JSAMPROW>(pixels +
                                     static_cast<std::ptrdiff_t>(e.info.next_scanline) * width * 3);
    jpeg_write_scanlines(&e.info, &row, 1);
  }
  jpeg_finish_compress(&e.info);
  return true;
}

/// Random corners every kCell pixels with straight lines between them, and grain on top. [height,
/// width, 3]
std::vector<std::uint8_t> picture(std::int64_t width, std::int64_t height, std::uint32_t number) {
  Rng rng(0, Purpose::kProbe, 0, number, 0);
  const std::int64_t columns = width / kCell + 2, rows = height / kCell + 2;
  std::vector<double> corners(static_cast<std::size_t>(columns * rows * 3));
  for (double& corner : corners) corner = rng.uniform(20, 235);
  const auto corner = [&](std::int64_t y, std::int64_t x, std::int64_t c) {
    return corners[static_cast<std::size_t>((y * columns + x) * 3 + c)];
  };
  std::vector<std::uint8_t> pixels;
  pixels.reserve(static_cast<std::size_t>(width * height * 3));
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t i = y / kCell, j = x / kCell;
      const double v = static_cast<double>(y % kCell) / kCell,
                   u = static_cast<double>(x % kCell) / kCell;
      const double grain = rng.uniform(-kGrain, kGrain);
      for (std::int64_t c = 0; c < 3; ++c) {
        const double smooth = (1 - v) * ((1 - u) * corner(i, j, c) + u * corner(i, j + 1, c)) +
                              v * ((1 - u) * corner(i + 1, j, c) + u * corner(i + 1, j + 1, c));
        pixels.push_back(static_cast<std::uint8_t>(std::clamp(smooth + grain, 0.0, 255.0)));
      }
    }
  }
  return pixels;
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
  const std::vector<std::uint8_t> pixels = picture(width, height, number);
  Encoder encoder;
  encoder.info.err = jpeg_std_error(&encoder.errors);
  encoder.info.client_data = &encoder;
  encoder.errors.error_exit = on_error;
  if (!encode(encoder, pixels.data(), width, height))
    throw MemoryError("bench: memory must hold a small JPEG");
  return {reinterpret_cast<const char*>(encoder.bytes), encoder.size};
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
