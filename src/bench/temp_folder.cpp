#include "bench/temp_folder.h"

#include "base/error.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace sslrun::bench {

TempFolder::TempFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "sslrun-bench-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    throw StorageError(fmt::format(
        "the temporary folder must be writable: cannot make '{}': {}; TMPDIR names another",
        pattern,
        std::strerror(errno)));
  }
  path_ = pattern;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace sslrun::bench
