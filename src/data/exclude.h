// A data set without the images that a list names.
#pragma once
#include "data/source.h"

#include <memory>
#include <string>

namespace sslrun::data {

/// `source` without the images whose name() is on the list: a text file, one name a line, what
/// follows a tab is a remark; lines that start with '#' and empty ones are skipped, and so are names
/// that the data do not have (a file may be gone by now).
/// errors    DataError where the list cannot be read, or leaves nothing.
std::unique_ptr<Source> exclude(std::unique_ptr<Source> source, const std::string& list);

}  // namespace sslrun::data
