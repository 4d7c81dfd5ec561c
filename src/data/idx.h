// IDX files: MNIST, Fashion-MNIST, KMNIST.
#pragma once
#include "data/source.h"

#include <memory>
#include <string>

namespace sslrun::data {

/// Whether the folder holds an IDX file of images for that split, under any of the names in use.
bool has_idx(const std::string& folder, Split split);

/// Opens a folder with train-images-idx3-ubyte or t10k-images-idx3-ubyte (also written .idx3-ubyte,
/// also .gz), or one such file of images. The labels beside it are read when they are there; the
/// pixels at the first read, which is where damage in the middle of a gzip file shows, as a
/// DataError.
/// errors    DataError names the file: not IDX, cut, longer than its header says, labels that do
///           not match.
/// source    http://yann.lecun.com/exdb/mnist/, "file formats for the MNIST database".
std::unique_ptr<Source> open_idx(const std::string& path,
                                 Split split,
                                 const image::PixelFormat& pixels);

}  // namespace sslrun::data
