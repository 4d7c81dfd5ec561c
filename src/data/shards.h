// Images in tar archives: WebDataset's layout.
#pragma once
#include "data/source.h"

#include <memory>
#include <string>

namespace sslrun::data {

/// The file beside shards that names their classes, one a line.
constexpr const char* kClassNamesFile = "classes.txt";

/// The file beside shards that `data pack` wrote: its plan, and how far it came.
constexpr const char* kPackFile = "pack.json";

/// Whether `path` is a tar archive by its name, or a folder that holds such files (".tar") and
/// neither images nor folders.
bool has_shards(const std::string& path);

/// Opens one tar archive, or the archives of a folder (not below it) in the order of their names'
/// bytes. Where some of the names have the word "train" and others "val" or "test", split chooses among
/// them.
/// Images are read in place: nothing is extracted, and no name in an archive is ever opened.
///
/// Order       archives one after the other, members as they stand in them.
/// Samples     every member that has an image's ending or begins as an image. Names that start with
///             a dot are left out. Members that follow each other with one key (the name up to the
///             first dot of its last part) belong together; several images of a key are several
///             samples.
/// Labels      the key's .cls: a number below a million, or a word. There are labels when every
///             image has one. Where all are numbers, line i of the folder's classes.txt names class
///             i; words are numbered in the order of their bytes.
/// Bad images  a key that has a .cls, .txt or .json and no image; a last member that the archive's
///             end cuts; every image of an archive that is changed or lost later.
/// Fingerprint that of a folder with the same names in the same order.
/// Memory      40 bytes and the name for each image; at most 128 archives are held open.
/// errors      DataError: what TarReader throws; no archive or no image; two .cls of one key, or one
///             that is empty, longer than 256 bytes or cut by the end; a classes.txt with too few
///             lines; a folder whose `data pack` has not finished.
/// source      the WebDataset library's group_by_keys; github.com/webdataset/webdataset.
std::unique_ptr<Source> open_shards(const std::string& path,
                                    Split split,
                                    const image::PixelFormat& pixels);

}  // namespace sslrun::data
