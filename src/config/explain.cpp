#include "config/explain.h"

#include <array>

namespace sslrun::config {
namespace {

constexpr auto kTable = std::to_array<Explanation>({
    {"E0001",
     "the recipe cannot be read",
     "The path of the recipe, or of its `base`, must be a file that you may read."},
    {"E0002",
     "the text is not YAML",
     "The caret shows where the parser gave up; the cause is often just before it. Indent with "
     "spaces, close "
     "every bracket, "
     "and quote a text that holds ': ' or ' #'."},
    {"E0003",
     "the recipe is too large",
     "A recipe is at most 1 MiB. Was a data file given in its place?"},
    {"E0004", "values nest too deep", "Values nest at most 64 deep."},
    {"E0005",
     "too many values",
     "A recipe has at most 10,000 values; an alias counts as the whole of what it repeats."},
    {"E0006", "the text is not UTF-8", "A recipe is UTF-8 text without control characters."},
    {"E0007",
     "several documents",
     "A file holds one YAML document: what follows a second '---' would never be read."},
    {"E0008",
     "a key appears twice",
     "YAML readers differ in which of two equal keys wins, so neither does here."},
    {"E0009",
     "a merge key",
     "'<<' is not part of YAML 1.2. Write the keys out, use an alias for a whole value, or start "
     "from "
     "another recipe with "
     "`base: other.yaml`."},
    {"E0010", "an alias of itself", "'&a [*a]' stands for an endless value."},
    {"E0011",
     "the recipe is not a mapping",
     "The top level of a recipe is a mapping of keys such as `method:` and `data:`."},
    {"E0012",
     "a key is not text",
     "A key is a plain word, neither empty nor a list nor a mapping."},
    {"E0013",
     "a tag",
     "Tags such as !!float are not needed: each key knows the type of its value."},
    {"E0014",
     "`base` cannot be followed",
     "`base: other.yaml` names one recipe to start from, relative to the file that says so. A "
     "recipe must "
     "not start from "
     "itself, directly or through others."},
    {"E0101",
     "an unknown key",
     "No key of this name is read at this place, so it would have no effect. The help names the "
     "nearest key, "
     "or the place "
     "where the key belongs."},
    {"E0102", "a key is missing", "The key has no default that would be right for everyone."},
    {"E0201",
     "a value of the wrong type",
     "Values follow YAML 1.2: true and false are the only booleans (not yes, no, on, off), and a "
     "number in "
     "quotes is text."},
    {"E0203",
     "a value out of range",
     "The message names the bounds; '>' and '<' exclude the bound itself."},
    {"E0204", "an unknown name", "The value must be one of the names that the message lists."},
    {"E0205",
     "a number with leading zeros",
     "010 is ten to some YAML readers and eight to others. Write 10, or 0o10 for the octal "
     "number."},
    {"E0206",
     "a pair that is no interval",
     "The value is [low, high], two numbers with low <= high."},
    {"E0207",
     "values that do not fit together",
     "Each value is fine alone; the message says what must hold between them."},
    {"E0301",
     "an environment variable is not set",
     "${env:NAME} needs NAME in the environment; ${env:NAME,default} takes the default where it is "
     "not set."},
    {"E0302",
     "a malformed expansion",
     "Texts expand ${env:NAME} and ${env:NAME,default}, and nothing else after '${'."},
    {"E0401",
     "a malformed override",
     "An override is --set a.b[0].c=value, its value written as in the recipe."},
    {"E0402",
     "an override's index",
     "An index counts from 0 and must be an item that the list has."},
    {"E0403",
     "an override through a value",
     "A key can be set only in a mapping and an index only in a list. Give the whole value "
     "instead: --set "
     "a={b: 1}."},
    {"E0501",
     "the data cannot be used",
     "data.train and data.val must be there and hold images in the format that data.format names. "
     "A relative "
     "path starts at the folder in which sslrun runs, not at the recipe's."},
    {"E0502",
     "too few training images",
     "An epoch is cut into whole batches, so it takes at least train.batch_size images; k-NN needs "
     "at least "
     "eval.knn.k of them, and a method that clusters the images one for each of its clusters."},
    {"E0503",
     "classes that differ",
     "k-NN compares the classes of data.train with those of data.val: class i must be the same one "
     "in both. "
     "Class folders are numbered in the order of their names."},
    {"E0504",
     "training images without classes",
     "The method learns from the images' classes, so data.train must have them: a folder for each "
     "class, .cls "
     "members in shards, a class behind each path of a list, or IDX or CIFAR files. The other "
     "methods need none."},
});

}  // namespace

std::span<const Explanation> explanations() {
  return kTable;
}

const Explanation* explain(std::string_view code) {
  for (const Explanation& e : kTable) {
    if (e.code == code) return &e;
  }
  return nullptr;
}

}  // namespace sslrun::config
