// CIFAR-10 and CIFAR-100, binary version.
#pragma once
#include "data/source.h"

#include <memory>
#include <string>

namespace sslrun::data {

/// Whether the folder (or cifar-10-batches-bin, cifar-100-binary in it) holds CIFAR's binary files.
bool has_cifar(const std::string& folder);

/// Opens data_batch_1..5.bin and test_batch.bin (CIFAR-10) or train.bin and test.bin (CIFAR-100,
/// fine labels), or one such file whatever the split.
/// errors    DataError names the file: missing, or not a whole number of records.
/// source    https://www.cs.toronto.edu/~kriz/cifar.html, "binary version".
std::unique_ptr<Source> open_cifar(const std::string& path,
                                   Split split,
                                   const image::PixelFormat& pixels);

}  // namespace sslrun::data
