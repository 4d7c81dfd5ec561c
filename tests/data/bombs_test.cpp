// Small files that ask for much: each must be refused, or cost no more than its size allows. Every one
// is read in a process of its own that may take 64 MiB more than it has, and 2 s of processor time.
#include "base/error.h"
#include "config/document.h"
#include "data/source.h"
#include "image/decode.h"
#include "tests/data/support.h"
#include "tests/image/encode.h"
#include "tests/support/catch.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <cstring>
#include <ctime>
#include <functional>
#include <new>
#include <string>
#include <vector>

using namespace sslrun;
using namespace sslrun::test;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kLimited = false;  // a sanitizer's own memory is far beyond any limit
#else
constexpr bool kLimited = true;
#endif
constexpr rlim_t kExtraBytes = rlim_t{64} << 20;

struct Bomb {
  std::string name;
  std::string want;  // how the refusal begins; empty: may be read, within the limits
  std::function<void()> read;
};

void limit_this_process() {
  long pages = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr || std::fscanf(file, "%ld", &pages) != 1) ::_exit(3);
  std::fclose(file);
  const rlim_t most = static_cast<rlim_t>(pages * ::sysconf(_SC_PAGESIZE)) + kExtraBytes;
  const rlimit memory{most, most}, processor{2, 2};
  if (kLimited) ::setrlimit(RLIMIT_AS, &memory);
  ::setrlimit(RLIMIT_CPU, &processor);
}

// What reading it ends with, in a child process; ms: processor time that it took.
std::string outcome(const Bomb& bomb, double& ms) {
  ms = 0;
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    limit_this_process();
    std::string words = "accepted";
    const std::clock_t begin = std::clock();  // of the processor: others may be busy
    try {
      bomb.read();
    } catch (const std::bad_alloc&) {
      words = "more than 64 MiB";
    } catch (const std::exception& e) {
      words = e.what();
    }
    const double took = 1e3 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    words.resize(std::min<std::size_t>(words.size(), 2000));
    const bool written = ::write(ends[1], &took, sizeof took) == ssize_t(sizeof took) &&
                         ::write(ends[1], words.data(), words.size()) == ssize_t(words.size());
    ::_exit(written ? 0 : 3);
  }
  ::close(ends[1]);
  char words[2048];
  const bool answered = ::read(ends[0], &ms, sizeof ms) == ssize_t(sizeof ms);
  const ssize_t size = answered ? ::read(ends[0], words, sizeof words) : 0;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return {words, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

std::string number(std::uint64_t value, int size, bool big) {
  std::string bytes;
  for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> 8 * (big ? size - 1 - i : i));
  return bytes;
}

std::string le(std::uint64_t value, int size) {
  return number(value, size, false);
}

std::string be(std::uint64_t value, int size) {
  return number(value, size, true);
}

std::string png_chunk(const std::string& kind, const std::string& body) {
  const std::string text = kind + body;
  const auto crc = ::crc32(0, reinterpret_cast<const Bytef*>(text.data()), uInt(text.size()));
  return be(body.size(), 4) + text + be(crc, 4);
}

std::string deflated(std::size_t zeros) {
  std::string out(zeros / 100 + 1000, '\0');
  uLongf size = out.size();
  const std::string in(zeros, '\0');
  REQUIRE(::compress2(reinterpret_cast<Bytef*>(out.data()),
                      &size,
                      reinterpret_cast<const Bytef*>(in.data()),
                      in.size(),
                      9) == Z_OK);
  out.resize(size);
  return out;
}

std::string png(std::uint32_t width,
                std::uint32_t height,
                int bits,
                int color,
                bool interlaced,
                const std::string& more = "",
                const std::string& data = "\x78\x9c") {
  return "\x89PNG\r\n\x1a\n" +
         png_chunk("IHDR",
                   be(width, 4) + be(height, 4) + be(std::uint64_t(bits), 1) +
                       be(std::uint64_t(color), 1) + be(0, 2) + be(interlaced, 1)) +
         more + png_chunk("IDAT", data) + png_chunk("IEND", "");
}

// A little-endian TIFF of one page. entries: {tag, type, count, value or offset}.
using Entries = std::vector<std::array<std::uint32_t, 4>>;

std::string tiff(const Entries& entries, const std::string& after = std::string(16, 'x')) {
  std::string bytes = std::string("II*\0", 4) + le(8, 4) + le(entries.size(), 2);
  for (const auto& e : entries) bytes += le(e[0], 2) + le(e[1], 2) + le(e[2], 4) + le(e[3], 4);
  return bytes + le(0, 4) + after;
}

Entries tiff_tags(std::uint32_t width, std::uint32_t height, std::uint32_t compression = 1) {
  return {{256, 4, 1, width},
          {257, 4, 1, height},
          {258, 3, 1, 8},
          {259, 3, 1, compression},
          {262, 3, 1, 1},
          {273, 4, 1, 8},
          {277, 3, 1, 1},
          {278, 4, 1, height},
          {279, 4, 1, 16}};
}

Entries with(Entries entries, const Entries& more) {
  for (const auto& e : more) {
    const auto same =
        std::find_if(entries.begin(), entries.end(), [&](const auto& o) { return o[0] == e[0]; });
    if (same != entries.end())
      *same = e;
    else
      entries.push_back(e);
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

std::string riff(const std::string& chunks) {
  return "RIFF" + le(chunks.size() + 4, 4) + "WEBP" + chunks;
}

std::string webp_chunk(const std::string& kind, const std::string& body) {
  return kind + le(body.size(), 4) + body + std::string(body.size() % 2, '\0');
}

std::string bmp(std::uint32_t width, std::uint32_t height, std::uint32_t bits) {
  return "BM" + le(70, 4) + le(0, 4) + le(54, 4) + le(40, 4) + le(width, 4) + le(height, 4) +
         le(1, 2) + le(bits, 2) + std::string(24, '\0') + std::string(16, 'x');
}

std::string gif(std::uint32_t width,
                std::uint32_t height,
                std::uint32_t frame_width,
                std::uint32_t frame_height,
                int frames = 1) {
  std::string bytes =
      "GIF89a" + le(width, 2) + le(height, 2) + le(0x80, 1) + le(0, 2) + "\1\2\3\4\5\6";
  for (int i = 0; i < frames; ++i)
    bytes += "," + le(0, 4) + le(frame_width, 2) + le(frame_height, 2) + le(0, 1) + "\2\2" +
             "\x44\1" + le(0, 1);
  return bytes + ";";
}

std::string jpeg_of(std::uint32_t width, std::uint32_t height, bool progressive) {
  std::string bytes = make_jpeg(gradient(16, 16, 3), 16, 16, {.progressive = progressive});
  const std::size_t frame = bytes.find(progressive ? "\xff\xc2" : "\xff\xc0");
  bytes.replace(frame + 5, 4, be(height, 2) + be(width, 2));
  return bytes;
}

std::string jpeg_of_scans(int scans) {
  std::string bytes = make_jpeg(
      gradient(64, 64, 1), 64, 64, {.channels = 1, .stored = JCS_GRAYSCALE, .progressive = true});
  const std::size_t scan = bytes.rfind("\xff\xda"), end = bytes.size() - 2;
  const std::string last = bytes.substr(scan, end - scan);
  std::string more;
  for (int i = 0; i < scans; ++i) more += last;
  return bytes.substr(0, end) + more + bytes.substr(end);
}

std::vector<Bomb> image_bombs() {
  std::vector<Bomb> bombs;
  const auto add =
      [&](const char* name, const char* want, std::string bytes, image::PixelFormat format = {}) {
        bombs.push_back({name, want, [bytes = std::move(bytes), format] {
                           image::Image out;
                           image::decode(std::as_bytes(std::span(bytes)), format, {}, out);
                         }});
      };
  add("png 30000 x 30000", "too large", png(30000, 30000, 8, 2, false));
  add("png of the widest row", "too large", png(0x7fffffff, 1, 16, 6, false));
  add("png just above the limit", "too large", png(13378, 13378, 8, 0, false));
  add("png interlaced 20000 x 20000", "too large", png(20000, 20000, 1, 0, true));
  add("png of a large header and no pixels", "truncated", png(13000, 13000, 16, 6, false));
  add("png of a large header and few pixels, interlaced",
      "truncated",
      png(13000, 13000, 8, 2, true, "", deflated(1000)));
  add("png of one bit and no pixels", "truncated", png(13000, 13000, 1, 0, false));
  add("png with 100 MB of text",
      "",
      png(1,
          1,
          8,
          0,
          false,
          png_chunk("zTXt", std::string("k\0\0", 3) + deflated(100'000'000)),
          deflated(2)));
  add("png with 100 MB of colour profile",
      "",
      png(1,
          1,
          8,
          0,
          false,
          png_chunk("iCCP", std::string("k\0\0", 3) + deflated(100'000'000)),
          deflated(2)));
  std::string chunks;
  for (int i = 0; i < 50000; ++i) chunks += png_chunk("tEXt", std::string("k\0v", 3));
  add("png with 50000 texts", "", png(1, 1, 8, 0, false, chunks, deflated(2)));
  add("png whose chunk says 2 GB",
      "truncated",
      png(4, 4, 8, 0, false).substr(0, 33) + be(0x7fffffff, 4) + "IDAT");

  add("gif 65535 x 65535", "too large", gif(65535, 65535, 1, 1));
  add("gif whose frame is 65535 x 65535", "too large", gif(1, 1, 65535, 65535));
  add("gif of a large frame and no pixels", "truncated", gif(13000, 13000, 13000, 13000));
  add("gif of 100000 frames", "", gif(1, 1, 1, 1, 100000));

  add("bmp of the largest sides", "too large", bmp(0x7fffffff, 0x7fffffff, 1));
  add("bmp of the least height", "too large", bmp(1, 0x80000000u, 24));
  add("bmp 65536 x 65536", "too large", bmp(65536, 65536, 32));
  add("bmp of a large header and no pixels", "truncated", bmp(13000, 13000, 1));

  add("pgm 20000 x 20000", "too large", "P5 20000 20000 255\n");
  add("pbm of the largest sides", "too large", "P4\n2147483647 2147483647\n");
  add("ppm with a side of 40 digits", "corrupt", "P6 " + std::string(40, '9') + " 1 255\n");
  add("ppm of 16 bits without pixels", "truncated", "P6 13000 13000 65535\n");
  add("plain pbm without pixels", "truncated", "P1 13000 13000\n0 1 0");
  add("ppm with 20 MB of comment", "truncated", "P6 #" + std::string(20'000'000, 'c'));

  add("webp with a canvas of 2^48",
      "corrupt",
      riff(webp_chunk("VP8X", le(0, 4) + "\xff\xff\xff\xff\xff\xff")));
  add("webp animated, canvas of 16384 x 16384",
      "too large",
      riff(webp_chunk("VP8X", le(2, 4) + le(16383, 3) + le(16383, 3)) +
           webp_chunk("ANIM", le(0, 6)) +
           webp_chunk("ANMF",
                      std::string(12, '\0') + le(100, 3) + le(0, 1) +
                          webp_chunk("VP8L", "\x2f" + le(0, 4) + std::string(8, 'x')))));
  add("webp lossless 16384 x 16384",
      "too large",
      riff(webp_chunk("VP8L", "\x2f" + le(0x0fffffff, 4) + std::string(8, 'x'))));
  add("webp lossy 16383 x 16383",
      "too large",
      riff(webp_chunk(
          "VP8 ", std::string("\x10\0\0\x9d\x01\x2a\xff\x3f\xff\x3f", 10) + std::string(8, 'x'))));
  add("webp whose chunk says 4 GB", "", riff("VP8 " + le(0xfffffff0u, 4) + "xx"));

  add("tiff 60000 x 60000", "too large", tiff(tiff_tags(60000, 60000)));
  add("tiff of the largest sides", "corrupt", tiff(tiff_tags(0xffffffffu, 0xffffffffu)));
  add("tiff of large sides and no pixels", "truncated", tiff(tiff_tags(13000, 13000)));
  add("tiff of large sides and no pixels, lzw", "truncated", tiff(tiff_tags(13000, 13000, 5)));
  add("tiff of large sides and no pixels, deflate", "truncated", tiff(tiff_tags(13000, 13000, 8)));
  add("tiff of large sides and no pixels, zstd", "truncated", tiff(tiff_tags(13000, 13000, 50000)));
  add("tiff of large sides and no pixels, nothing said of compression",
      "truncated",
      tiff(tiff_tags(13000, 13000, 0)));
  add("tiff with one giant tile",
      "too large",
      tiff(with(
          tiff_tags(8, 8),
          {{322, 4, 1, 0x7ffffff0}, {323, 4, 1, 0x7ffffff0}, {324, 4, 1, 8}, {325, 4, 1, 16}})));
  add("tiff of 65535 channels", "", tiff(with(tiff_tags(1000, 1000), {{277, 3, 1, 65535}})));
  add("tiff of 65535 channels, asked for",
      "",
      tiff(with(tiff_tags(10000, 10000), {{277, 3, 1, 65535}})),
      {64, 8, 255});
  add("tiff whose strip is 4 GB long",
      "",
      tiff(with(tiff_tags(64, 64, 5), {{279, 4, 1, 0xffffffffu}})));
  add("tiff of 2^31 strips",
      "",
      tiff(with(tiff_tags(1, 0x7fffffff / 12), {{278, 4, 1, 1}, {273, 4, 0x7fffffff, 8}})));
  add("tiff of 65535 tags",
      "",
      std::string("II*\0\x08\0\0\0\xff\xff", 10) + std::string(100000, '\1'));
  add("tiff whose directory is in itself", "", tiff(with(tiff_tags(8, 8), {{330, 4, 1, 8}})));
  add("tiff converted, 1 bit, no pixels",
      "truncated",
      tiff(with(tiff_tags(13000, 13000), {{258, 3, 1, 1}})));

  add("jpeg 65500 x 65500", "too large", jpeg_of(65500, 65500, false));
  add("jpeg progressive 65500 x 65500", "too large", jpeg_of(65500, 65500, true));
  add("jpeg of a large header and few pixels", "truncated", jpeg_of(13000, 13000, false));
  add("jpeg progressive of a large header and few pixels",
      "truncated",
      jpeg_of(13000, 13000, true));
  add("jpeg of 600 scans", "corrupt: more than 500 scans", jpeg_of_scans(600));
  add("jpeg of 100000 scans", "corrupt: more than 500 scans", jpeg_of_scans(100000));
  return bombs;
}

std::string gzipped(const std::string& head, std::size_t zeros) {
  const TempFolder folder;
  gzFile file = ::gzopen(folder.path("x").c_str(), "wb1");
  ::gzwrite(file, head.data(), unsigned(head.size()));
  const std::string part(1 << 20, '\0');
  for (std::size_t done = 0; done < zeros; done += part.size())
    ::gzwrite(file, part.data(), unsigned(part.size()));
  ::gzclose(file);
  std::ifstream in(folder.path("x"), std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<Bomb> source_bombs(const TempFolder& folder) {
  std::vector<Bomb> bombs;
  const auto add =
      [&](const char* name, const char* want, const std::string& file, const char* format) {
        bombs.push_back({name, want, [path = folder.path(file), format] {
                           image::Image out;
                           data::open_source(path, format, data::Split::kTrain)->read(0, out);
                         }});
      };
  const std::string sides =
      be(0x803, 4) + be(0xffffffffu, 4) + be(0xffffffffu, 4) + be(0xffffffffu, 4);
  folder.write("1/train-images-idx3-ubyte", sides + "abcd");
  add("idx of the largest sides", "'", "1", "idx");
  folder.write("2/train-images-idx3-ubyte.gz", gzipped(sides, 0));
  add("idx of the largest sides, packed", "'", "2", "idx");
  folder.write("3/train-images-idx3-ubyte.gz",
               gzipped(be(0x803, 4) + be(3, 4) + be(2, 4) + be(4, 4), std::size_t{1} << 28));
  add("idx with 256 packed MiB behind its images", "'", "3", "idx");
  folder.write("4/train-images-idx3-ubyte", be(0x803, 4) + be(1, 4) + be(1, 4) + be(1, 4) + "x");
  folder.write("4/train-labels-idx1-ubyte.gz", gzipped(be(0x801, 4) + be(0xffffffffu, 4), 0));
  add("idx of 2^32 labels", "'", "4", "idx");
  folder.write("5/data_batch_1.bin", gzipped("", std::size_t{1} << 28));
  add("cifar with 256 packed MiB", "'", "5", "cifar");
  folder.write("6/data_batch_1.bin", "x");
  std::filesystem::resize_file(folder.path("6/data_batch_1.bin"), std::uintmax_t{3073} << 26);
  add("cifar of 192 GiB, all a hole", "'", "6", "cifar");
  return bombs;
}

std::vector<Bomb> recipe_bombs(const TempFolder& folder) {
  std::vector<Bomb> bombs;
  const auto add = [&](const char* name, const std::string& text) {
    const std::string file = std::to_string(bombs.size()) + ".yaml";
    folder.write(file, text);
    bombs.push_back({name, "", [path = folder.path(file)] {
                       config::load_document(path, {});
                       throw std::logic_error("the recipe was taken");
                     }});
  };
  std::string aliases = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    aliases += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int k = 0; k < 9; ++k) aliases += "," + before;
    aliases += "]\n";
  }
  add("recipe of aliases of aliases", aliases);
  add("recipe of 100000 levels, lists", std::string(100000, '['));
  add("recipe of 100000 levels, mappings", [] {
    std::string text;
    for (int i = 0; i < 300; ++i) text += std::string(std::size_t(i), ' ') + "a:\n";
    return text;
  }());
  std::string values = "a: [";
  for (int i = 0; i < 200000; ++i) values += "1,";
  add("recipe of 200000 values", values + "1]");
  add("recipe of 50 MB", "a: " + std::string(50'000'000, 'x'));
  add("recipe of one flow of braces", std::string(60000, '{'));
  return bombs;
}

void check(const std::vector<Bomb>& bombs, const char* kind) {
  double slowest = 0;
  std::string its_name;
  for (const Bomb& bomb : bombs) {
    double ms = 0;
    const std::string got = outcome(bomb, ms);
    INFO(bomb.name);
    CAPTURE(got);
    CHECK(got.rfind("signal", 0) != 0);
    CHECK(got != "more than 64 MiB");
    CHECK(got != "the recipe was taken");
    CHECK(got.rfind(bomb.want, 0) == 0);
    if (ms > slowest) {
      slowest = ms;
      its_name = bomb.name;
    }
  }
  std::printf(
      "%zu %s bombs, the slowest %.1f ms: %s\n", bombs.size(), kind, slowest, its_name.c_str());
}

}  // namespace

TEST_CASE("bombs: the test sees who takes more", "[data][bombs]") {
  double ms = 0;
  const Bomb small{"60 MiB", "", [] { std::vector<char>(60 << 20, 'x').back() = 'y'; }};
  CHECK(outcome(small, ms) == "accepted");
  const Bomb large{"70 MiB", "", [] { std::vector<char>(70 << 20, 'x').back() = 'y'; }};
  CHECK(outcome(large, ms) == (kLimited ? "more than 64 MiB" : "accepted"));
}

TEST_CASE("bombs: an image file costs its header", "[data][bombs]") {
  const std::vector<Bomb> bombs = image_bombs();
  CHECK(bombs.size() > 40);
  check(bombs, "image");
}

TEST_CASE("bombs: files of many images cost their header", "[data][bombs]") {
  const TempFolder folder;
  check(source_bombs(folder), "data set");
}

TEST_CASE("bombs: a recipe costs at most its limits", "[data][bombs]") {
  const TempFolder folder;
  check(recipe_bombs(folder), "recipe");
}
