#include "train/side_write.h"

#include "base/log.h"

namespace sslrun::train {

void SideWrite::succeeded() {
  if (!refused_) return;
  refused_ = false;
  progress_.clear();
  log::info("{} is written again", what_);
}

void SideWrite::refused(const std::string& reason) {
  if (refused_) return;
  refused_ = true;
  progress_.clear();
  log::warn("{} is not written, and training goes on without it: {}", what_, reason);
}

}  // namespace sslrun::train
