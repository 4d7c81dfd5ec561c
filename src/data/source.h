// A data set: numbered images, with labels where it has them.
#pragma once
#include "image/image.h"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace sslrun::data {

/// Images 0 .. size() - 1 in an order that depends on the data alone. All members are thread-safe.
class Source {
 public:
  virtual ~Source() = default;

  /// Number of images, at least 1.
  virtual std::int64_t size() const = 0;
  /// What to call image i in a message: its path below the folder, or "file.gz[i]".
  virtual std::string name(std::int64_t i) const = 0;
  /// Reads image i, or what is wanted of it: read_file(), then decode(). shapes: out [height, width,
  /// channels] of the format that the source was opened with. errors: image::BadImage when this
  /// image cannot be used, DataError when no image can be read any more.
  void read(std::int64_t i, image::Image& out, const image::Wanted& wanted = {}) const;

  /// The first half of read(): the bytes of image i's file, which image::decode() makes its pixels
  /// of. false: the images are not kept as files each (IDX, CIFAR); bytes are then empty. errors: as
  /// read().
  virtual bool read_file(std::int64_t i, std::vector<std::byte>& bytes) const;
  /// The second half: the pixels, from the bytes that read_file() gave. errors: as read().
  virtual void decode(std::int64_t i,
                      std::span<const std::byte> bytes,
                      const image::Wanted& wanted,
                      image::Image& out) const = 0;

  /// One label per image, 0 .. classes - 1; empty where the data has none.
  virtual std::span<const std::int64_t> labels() const = 0;
  /// Name of each class; empty without labels.
  virtual std::vector<std::string> class_names() const = 0;
  /// Short text that changes when the list of images does: a resumed run compares it.
  virtual std::string fingerprint() const = 0;
};

/// Which part of a data set that comes in two parts. Test is also what is called val.
enum class Split { kTrain, kTest };

/// How data may be stored: a folder of images at any depth; tar shards in WebDataset's layout; a text
/// file that lists images; IDX (MNIST's files, plain or .gz); the binary version of CIFAR-10 or -100;
/// or images that are drawn ("synthetic:COUNTxSIDE"). auto looks at the names.
inline constexpr std::array<std::string_view, 7> kFormats =
    {"auto", "folder", "shards", "list", "idx", "cifar", "synthetic"};

/// What a path may be, in words, for help.
inline constexpr const char* kPathHelp =
    "a folder at any depth, tar shards, a list (.txt: path, tab, class), IDX or CIFAR files, or "
    "synthetic:COUNTxSIDE";

/// The formats in words, for help and messages: "auto, folder, .. or cifar".
std::string format_names();

/// Whether something lies at path, or it stands for images that are drawn. error: why it cannot be
/// told.
bool has_data(const std::string& path, std::error_code& error);

/// Opens what lies at path, stored in one of kFormats. split chooses among the files of IDX and CIFAR,
/// among shards by their names, and between train/ and val/ (or test/) where a folder has both.
/// pixels: what every image becomes.
/// errors    DataError says what was looked for and what to do; UsageError for an unknown format.
std::unique_ptr<Source> open_source(const std::string& path,
                                    std::string_view format,
                                    Split split,
                                    const image::PixelFormat& pixels = {});

}  // namespace sslrun::data
