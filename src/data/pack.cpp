#include "data/pack.h"

#include "base/error.h"
#include "base/file.h"
#include "base/thread_pool.h"
#include "data/image_file.h"
#include "data/pack_names.h"
#include "data/shards.h"
#include "data/tar_write.h"
#include "image/bad_image.h"
#include "image/png_write.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string_view>
#include <utility>

namespace sslrun::data {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kReadAhead = 64;  // images whose bytes are in memory at once

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// One image, ready to be written.
struct Prepared {
  std::vector<std::byte> bytes;
  std::optional<Recoded> recoded;
  std::string ending;
  std::string bad;

  std::string_view content() const { return recoded ? recoded->bytes : as_text(bytes); }
};

Prepared prepare(const Source& source, std::int64_t i, const PackOptions& options) {
  Prepared p;
  thread_local image::Image image;
  try {
    const bool is_file = source.read_file(i, p.bytes);
    if (is_file && options.recode) {
      p.recoded = options.recode(p.bytes);
    } else {
      source.decode(i, p.bytes, {}, image);
      if (!is_file && image.bits != 8)
        throw UsageError("images that are no files are packed with 8 bits a channel: no --bit-depth");
      if (!is_file) p.recoded = Recoded{image::encode_png(image), ".png"};
    }
    p.ending = p.recoded ? p.recoded->ending : ending_of(source.name(i), p.bytes);
  } catch (const image::BadImage& bad) {
    p.bad = bad.what();
  }
  return p;
}

std::string shard_name(std::size_t number) {
  return fmt::format("shard-{:06}.tar", number);
}

// What was asked for, and how far it came: kPackFile.
struct State {
  struct Shard {
    std::int64_t end = 0;  // the source's image after the last that it holds
    std::int64_t images = 0, recoded = 0, bytes = 0;
  };

  Json plan;
  std::vector<Shard> shards;
  std::vector<BadFile> bad;
  bool done = false;

  std::int64_t next() const { return shards.empty() ? 0 : shards.back().end; }

  std::string text() const {
    Json out{{"version", 1}, {"done", done}, {"plan", plan}};
    out["shards"] = Json::array();
    for (const Shard& s : shards)
      out["shards"].push_back(
          {{"end", s.end}, {"images", s.images}, {"recoded", s.recoded}, {"bytes", s.bytes}});
    out["bad"] = Json::array();
    for (const BadFile& b : bad) out["bad"].push_back({{"name", b.name}, {"reason", b.reason}});
    return out.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  }

  PackResult result() const {
    PackResult r;
    r.shards = static_cast<std::int64_t>(shards.size());
    r.bad = bad;
    for (const Shard& s : shards) {
      r.images += s.images;
      r.recoded += s.recoded;
      r.bytes += s.bytes;
    }
    return r;
  }
};

State read_state(const fs::path& path) {
  State state;
  try {
    const Json in = Json::parse(read_file(path));
    state.plan = in.at("plan");
    state.done = in.at("done");
    for (const Json& s : in.at("shards"))
      state.shards.push_back({s.at("end"), s.at("images"), s.at("recoded"), s.at("bytes")});
    for (const Json& b : in.at("bad")) state.bad.push_back({b.at("name"), b.at("reason")});
  } catch (const Json::exception& error) {
    throw DataError(fmt::format(
        "'{}' must be what data pack wrote, and is damaged: {}; give --out another folder",
        path.string(),
        error.what()));
  }
  return state;
}

Json plan_of(const Source& source, const PackOptions& o) {
  return {{"images", source.fingerprint()},
          {"shard_bytes", o.shard_bytes},
          {"shard_images", o.shard_images},
          {"recoding", o.recoding}};
}

// Takes the folder for this process, and what an earlier one did there.
class OutFolder {
 public:
  OutFolder(const std::string& path, const Json& plan) : path_(create(path)), lock_(path) {
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
      throw DataError(fmt::format("another sslrun data pack works on '{}'; wait for it", path));
    const bool resumed = fs::exists(path_ / kPackFile);
    for (const fs::directory_entry& entry : fs::directory_iterator(path_)) {
      const std::string name = entry.path().filename().string();
      const bool ours = resumed || name.starts_with(kPackFile);
      if (ours && name.find(".tmp-") != std::string::npos)
        fs::remove(entry.path());  // of one killed
      if (ours) continue;
      throw UsageError(
          fmt::format("--out must be a new or empty folder, or hold an unfinished pack of the same "
                      "images; '{}' holds '{}'",
                      path,
                      name));
    }
    state.plan = plan;
    if (!resumed) return;
    state = read_state(path_ / kPackFile);
    for (const auto& [key, value] : plan.items()) {
      if (state.plan.value(key, Json()) == value) continue;
      throw UsageError(fmt::format(
          "'{}' holds a pack with another '{}', {}, and {} is asked for: give --out another folder",
          path,
          key,
          state.plan.value(key, Json()).dump(),
          value.dump()));
    }
    require_shards();
  }

  void save() const { write_file_atomic(path_ / kPackFile, state.text()); }

  fs::path shard(std::size_t number) const { return path_ / shard_name(number); }

  const fs::path& path() const { return path_; }

  State state;

 private:
  static fs::path create(const std::string& path) {
    std::error_code error;
    fs::create_directories(path, error);
    if (error) throw_storage_error("create the folder", path, error.value());
    return path;
  }

  void require_shards() const {
    for (std::size_t k = 0; k < state.shards.size(); ++k) {
      std::error_code error;
      const std::uintmax_t size = fs::file_size(shard(k), error);
      if (!error && size == static_cast<std::uintmax_t>(state.shards[k].bytes)) continue;
      throw DataError(fmt::format(
          "'{}' must have the {} bytes that were written, and {}; remove the folder and pack again",
          shard(k).string(),
          state.shards[k].bytes,
          error ? "is not there" : fmt::format("has {}", size)));
    }
  }

  fs::path path_;
  Descriptor lock_;
};

// The shard that is being filled.
class Writer {
 public:
  Writer(OutFolder& out, const PackOptions& options) : out_(out), options_(options) {}

  // i: the image's number in the source.
  void add(std::int64_t i, const std::string& key, const Prepared& p, const std::string& label) {
    const auto size = static_cast<std::int64_t>(p.content().size());
    std::string tail(tar_padding(size));
    if (!label.empty()) {
      const auto label_bytes = static_cast<std::int64_t>(label.size());
      tail += tar_header(key + ".cls", label_bytes);
      tail.append(label).append(tar_padding(label_bytes));
    }
    const std::string header = tar_header(key + p.ending, size);
    const auto total = static_cast<std::int64_t>(header.size() + tail.size()) + size;
    if (is_full(total)) finish(i);
    if (!file_) file_ = std::make_unique<AtomicFile>(out_.shard(out_.state.shards.size()));
    for (const std::string_view part :
         {std::string_view(header), p.content(), std::string_view(tail)})
      file_->write(part);
    shard_.bytes += total;
    ++shard_.images;
    shard_.recoded += p.recoded ? 1 : 0;
  }

  void leave_out(BadFile bad) { bad_.push_back(std::move(bad)); }

  // Closes the shard before image `end` of the source, and writes down that it is there.
  void finish(std::int64_t end) {
    if (file_) {
      file_->write(tar_end());
      file_->commit();
      file_.reset();
      shard_.bytes += static_cast<std::int64_t>(tar_end().size());
      shard_.end = end;
      out_.state.shards.push_back(shard_);
      shard_ = {};
    }
    auto& bad = out_.state.bad;
    bad.insert(bad.end(), bad_.begin(), bad_.end());
    bad_.clear();
    out_.save();
  }

 private:
  bool is_full(std::int64_t more) const {
    const auto end = static_cast<std::int64_t>(tar_end().size());
    return (options_.shard_images > 0 && shard_.images == options_.shard_images) ||
           (options_.shard_bytes > 0 && shard_.images > 0 &&
            shard_.bytes + more + end > options_.shard_bytes);
  }

  OutFolder& out_;
  const PackOptions& options_;
  std::unique_ptr<AtomicFile> file_;
  State::Shard shard_;
  std::vector<BadFile> bad_;
};

void write_class_names(const Source& source, const fs::path& folder) {
  std::string text;
  for (std::string name : source.class_names()) {
    std::replace(name.begin(), name.end(), '\n', ' ');
    text += name + "\n";
  }
  write_file_atomic(folder / kClassNamesFile, text);
}

void write_shards(const Source& source,
                  OutFolder& out,
                  const PackOptions& options,
                  const std::function<void(std::int64_t)>& progress) {
  const auto labels = source.labels();
  PackNames names;
  for (std::int64_t i = 0; i < out.state.next(); ++i) names.key(source.name(i));
  Writer writer(out, options);
  std::array<Prepared, kReadAhead> ahead;
  for (std::int64_t first = out.state.next(); first < source.size(); first += kReadAhead) {
    const std::int64_t count = std::min(kReadAhead, source.size() - first);
    parallel_for(count, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t k = begin; k < end; ++k)
        ahead[static_cast<std::size_t>(k)] = prepare(source, first + k, options);
    });
    for (std::int64_t i = first; i < first + count; ++i) {
      const Prepared& p = ahead[static_cast<std::size_t>(i - first)];
      const std::string key = names.key(source.name(i));
      if (!p.bad.empty()) {
        writer.leave_out({source.name(i), p.bad});
      } else {
        writer.add(i,
                   key,
                   p,
                   labels.empty() ? "" : fmt::format("{}", labels[static_cast<std::size_t>(i)]));
      }
    }
    progress(first + count);
  }
  out.state.done = true;
  writer.finish(source.size());
}

}  // namespace

PackResult pack(const Source& source,
                const std::string& path,
                const PackOptions& options,
                const std::function<void(std::int64_t)>& progress) {
  OutFolder out(path, plan_of(source, options));
  if (!out.state.done) {
    out.save();
    if (!source.labels().empty()) write_class_names(source, out.path());
    write_shards(source, out, options, progress);
  }
  PackResult result = out.state.result();
  if (result.images == 0) {
    throw DataError(fmt::format("none of the {} images can be used; the first, '{}': {}",
                                source.size(),
                                result.bad.front().name,
                                result.bad.front().reason));
  }
  return result;
}

}  // namespace sslrun::data
