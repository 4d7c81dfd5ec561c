// A text file that lists images.
#pragma once
#include "data/source.h"

#include <memory>
#include <string>

namespace sslrun::data {

/// Opens a text file with one image a line: its path, absolute or below the list's folder, and, where
/// it has one, a tab and its class. Empty lines and those that begin with "#" are skipped. Images in
/// the order of their lines; a file that is not there is a bad image. Classes: all lines have one or
/// none has; numbers below a million are the class's own, words are numbered in the order of their
/// bytes.
/// errors    DataError names the line: a second tab, a class without a path or the other way round, a
///           path above 4096 bytes, a zero byte; a list that cannot be read, or holds no image.
std::unique_ptr<Source> open_list(const std::string& path, const image::PixelFormat& pixels);

}  // namespace sslrun::data
