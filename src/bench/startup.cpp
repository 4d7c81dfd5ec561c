// From starting the program to the end of its first training step.
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "bench/case.h"
#include "bench/child.h"
#include "bench/images.h"
#include "bench/memory.h"
#include "bench/temp_folder.h"

#include <torch/version.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

namespace sslrun::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kBatch = 32, kMade = 256, kSide = 32;
constexpr int kPatienceMs = 300'000;

// ResNet-18 with CIFAR stem, batch 32 (64 views of 32 px), float32, SGD; no evaluation.
constexpr const char* kRecipe = R"(version: 1
method: {{name: simclr, temperature: 0.5, projector: {{hidden_dim: 512, output_dim: 128}}}}
encoder: {{name: resnet18, stem: cifar}}
data: {{train: '{}', format: folder}}
augmentations:
  - views: 2
    ops:
      - random_resized_crop: {{size: 32, scale: [0.08, 1.0]}}
      - horizontal_flip: {{p: 0.5}}
      - color_jitter: {{p: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1}}
      - grayscale: {{p: 0.2}}
      - normalize: imagenet
optimizer: {{name: sgd, lr: 0.06, momentum: 0.9, weight_decay: 5.0e-4}}
schedule: {{epochs: 1, warmup_epochs: 0}}
train: {{batch_size: {}, precision: fp32, workers: {}}}
)";

struct Descriptor {
  explicit Descriptor(int opened, const char* what) : fd(opened) {
    if (fd < 0)
      throw StorageError(
          fmt::format("bench: {} must be possible here: {}", what, std::strerror(errno)));
  }

  ~Descriptor() { close(fd); }

  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int fd;
};

/// Whether the events at hand say that metrics.jsonl has grown.
bool metrics_grew(int inotify) {
  alignas(inotify_event) std::array<char, 4096> buffer;
  const ssize_t size = read(inotify, buffer.data(), buffer.size());
  for (ssize_t at = 0; at < size;) {
    const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
    if (event->len > 0 && std::strcmp(event->name, "metrics.jsonl") == 0) return true;
    at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
  }
  return false;
}

struct Start {
  double seconds = 0, share_mb = 0;
};

class Startup {
 public:
  explicit Startup(const CaseSettings& settings)
      : jpegs(settings.data, kBatch, kMade, kSide, kSide),
        threads_(settings.threads),
        program_(settings.program) {
    std::string path = fs::absolute(jpegs.path()).string();
    for (std::size_t at = 0; (at = path.find('\'', at)) != std::string::npos; at += 2)
      path.insert(at, 1, '\'');
    write_file_synced(recipe(), fmt::format(kRecipe, path, kBatch, threads_));
  }

  void once() {
    const fs::path out = folder_.path() / "run", words = folder_.path() / "words.txt";
    fs::remove_all(out);
    fs::create_directory(out);
    const Descriptor watch(inotify_init1(IN_CLOEXEC | IN_NONBLOCK), "watching a folder");
    if (inotify_add_watch(watch.fd, out.c_str(), IN_MODIFY) < 0) {
      throw StorageError(fmt::format(
          "bench: watching '{}' must be possible: {}", out.string(), std::strerror(errno)));
    }
    const Pinned pinned(threads_);
    const Stopwatch clock;
    const Child child(
        {program_, "pretrain", recipe().string(), "--out", out.string(), "--devices", "cpu"},
        words);
    const Descriptor end(static_cast<int>(syscall(SYS_pidfd_open, child.pid(), 0)),
                         "watching a process");
    for (;;) {
      std::array<pollfd, 2> events{{{watch.fd, POLLIN, 0}, {end.fd, POLLIN, 0}}};
      const int ready = poll(events.data(), events.size(), kPatienceMs);
      if (ready < 0 && errno == EINTR) continue;
      if (ready > 0 && (events[0].revents & POLLIN) != 0 && metrics_grew(watch.fd)) break;
      if (ready == 0 || (events[1].revents & POLLIN) != 0) {
        throw DataError(
            fmt::format("bench: sslrun pretrain must take a step on these images, and it said: {}",
                        read_file(words)));
      }
    }
    last_.seconds = clock.seconds();
    last_.share_mb = proportional_mb(std::to_string(child.pid()));
  }

  const Start& last() const { return last_; }

  const JpegFolder jpegs;

 private:
  fs::path recipe() const { return folder_.path() / "startup.yaml"; }

  TempFolder folder_;
  std::int64_t threads_;
  std::string program_;
  Start last_;
};

Prepared prepare(const CaseSettings& settings) {
  const auto startup = std::make_shared<Startup>(settings);
  return {.contenders = {{.tool = "sslrun",
                          .suffix = "",
                          .once = [startup] { startup->once(); },
                          .seconds = [startup] { return startup->last().seconds; },
                          .memory = [startup] { return startup->last().share_mb; }}},
          .note = fmt::format("{} threads; {}; ended by the first line of metrics.jsonl",
                              settings.threads,
                              startup->jpegs.note()),
          .versions = {{"libtorch", TORCH_VERSION}}};
}

}  // namespace

extern const Case case_startup_first_step{
    "startup_first_step",
    "startup",
    "s",
    "start of sslrun pretrain to the end of its first step, batch 32 of 32 x 32",
    Memory::kShare,
    prepare};

}  // namespace sslrun::bench
