#include "kernels/loss/soft_cross_entropy.h"

#include "base/thread_pool.h"
#include "kernels/loss/soft_cross_entropy_core.h"
#include "kernels/simd.h"

#include <algorithm>
#include <vector>

namespace sslrun::kernels {
namespace {

constexpr std::int64_t kTile = kRowTile, kLanes = kRowLanes;

SSLRUN_CLONES void widen(const std::uint16_t* in, std::int64_t n, float* out) {
  for (std::int64_t k = 0; k < n; ++k) out[k] = from_bf16(in[k]);
}

SSLRUN_CLONES void narrow(const float* in, std::int64_t n, std::uint16_t* out) {
  for (std::int64_t k = 0; k < n; ++k) out[k] = to_bf16(in[k]);
}

/// n logits from number `first` on: where they lie, or in `room` as floats.
const float* tile_of(const LogitRows& rows, std::int64_t first, std::int64_t n, float* room) {
  if (!rows.bf16) return static_cast<const float*>(rows.data) + first;
  widen(static_cast<const std::uint16_t*>(rows.data) + first, n, room);
  return room;
}

/// What a tile of a row adds to it.
SSLRUN_CLONES SoftRow tile_row(const float* x,
                               const float* target,
                               std::int64_t n,
                               float inv_temp) {
  float max[kLanes], sum[kLanes] = {}, mass[kLanes] = {}, dot[kLanes] = {};
  std::fill_n(max, kLanes, -INFINITY);
  const std::int64_t whole = n / kLanes * kLanes;
  for (std::int64_t k = 0; k < whole; k += kLanes) {
    for (std::int64_t l = 0; l < kLanes; ++l) max[l] = x[k + l] > max[l] ? x[k + l] : max[l];
  }
  for (std::int64_t k = whole; k < n; ++k) max[0] = x[k] > max[0] ? x[k] : max[0];
  SoftRow out;
  out.lse.max = *std::max_element(max, max + kLanes) * inv_temp;
  const float base = out.lse.max == -INFINITY ? 0.f : out.lse.max;
  for (std::int64_t k = 0; k < whole; k += kLanes) {
    for (std::int64_t l = 0; l < kLanes; ++l) {
      sum[l] += exp_nonpositive(x[k + l] * inv_temp - base);
      mass[l] += target[k + l];
      dot[l] += target[k + l] * x[k + l];
    }
  }
  for (std::int64_t k = whole; k < n; ++k) {
    sum[k - whole] += exp_nonpositive(x[k] * inv_temp - base);
    mass[k - whole] += target[k];
    dot[k - whole] += target[k] * x[k];
  }
  out.lse.sum = merge_lanes(sum);
  out.mass = merge_lanes(mass);
  out.dot = merge_lanes(dot);
  return out;
}

SSLRUN_CLONES void subtract(const float* x, const float* center, std::int64_t n, float* out) {
  for (std::int64_t k = 0; k < n; ++k) out[k] = x[k] - center[k];
}

SSLRUN_CLONES void targets_of(const float* x,
                              const float* center,
                              std::int64_t n,
                              float inv_temp,
                              float lse,
                              float* out) {
  for (std::int64_t k = 0; k < n; ++k) out[k] = soft_target(x[k], center[k], inv_temp, lse);
}

SSLRUN_CLONES void add(const float* in, std::int64_t n, float* to) {
  for (std::int64_t k = 0; k < n; ++k) to[k] += in[k];
}

SSLRUN_CLONES void gradient_of(const float* x,
                               const float* target,
                               std::int64_t n,
                               float inv_temp,
                               float lse,
                               float mass,
                               float scale,
                               float* out) {
  for (std::int64_t k = 0; k < n; ++k)
    out[k] = soft_gradient(x[k], inv_temp, lse, mass, target[k], scale);
}

/// The targets of one image, a tile at a time.
class Targets {
 public:
  Targets(const SoftCrossEntropyArgs& a)
      : a_(a),
        room_(static_cast<std::size_t>(kTile)),
        each_(static_cast<std::size_t>(a.teachers * kTile)),
        all_(static_cast<std::size_t>(kTile)),
        others_(static_cast<std::size_t>(kTile)) {}

  void load(std::int64_t image, std::int64_t first, std::int64_t n) {
    n_ = n;
    for (std::int64_t t = 0; t < a_.teachers; ++t) {
      const std::int64_t row = t * a_.images + image;
      const float* x = tile_of(a_.teacher, row * a_.cols + first, n, room_.data());
      if (!a_.center) {
        std::copy_n(x, n, each_.data() + t * kTile);
        continue;
      }
      targets_of(x,
                 a_.center + first,
                 n,
                 a_.teacher_inv_temp,
                 a_.teacher_lse[row],
                 each_.data() + t * kTile);
    }
    sum(a_.teachers, all_.data());
  }

  /// The sum over the teacher's views that are targets of the student's view.
  const float* of(std::int64_t student) {
    if (!a_.other_views || student >= a_.teachers) return all_.data();
    sum(student, others_.data());
    return others_.data();
  }

 private:
  void sum(std::int64_t student, float* out) const {
    std::fill_n(out, n_, 0.f);
    for (std::int64_t t = 0; t < a_.teachers; ++t) {
      if (soft_is_pair(t, student, a_.other_views)) add(each_.data() + t * kTile, n_, out);
    }
  }

  const SoftCrossEntropyArgs& a_;
  std::vector<float> room_, each_, all_, others_;
  std::int64_t n_ = 0;
};

/// log-sum-exp of a teacher's row.
float teacher_lse(const SoftCrossEntropyArgs& a, std::int64_t row, const float* center) {
  static constexpr float kNoTarget[kTile] = {};
  float room[kTile], centerd[kTile];
  SoftRow out;
  for (std::int64_t first = 0; first < a.cols; first += kTile) {
    const std::int64_t n = std::min(kTile, a.cols - first);
    subtract(tile_of(a.teacher, row * a.cols + first, n, room), center + first, n, centerd);
    out.lse.merge(tile_row(centerd, kNoTarget, n, a.teacher_inv_temp).lse);
  }
  return out.lse.value();
}

void forward_image(const SoftCrossEntropyArgs& a, std::int64_t image, Targets& targets) {
  for (std::int64_t t = 0; a.center && t < a.teachers; ++t) {
    const std::int64_t row = t * a.images + image;
    a.teacher_lse[row] = teacher_lse(a, row, a.center);
  }
  float room[kTile];
  std::vector<SoftRow> rows(static_cast<std::size_t>(a.students));
  for (std::int64_t first = 0; first < a.cols; first += kTile) {
    const std::int64_t n = std::min(kTile, a.cols - first);
    targets.load(image, first, n);
    for (std::int64_t s = 0; s < a.students; ++s) {
      const float* x = tile_of(a.student, (s * a.images + image) * a.cols + first, n, room);
      rows[static_cast<std::size_t>(s)].merge(tile_row(x, targets.of(s), n, a.student_inv_temp));
    }
  }
  for (std::int64_t s = 0; s < a.students; ++s) {
    const SoftRow& row = rows[static_cast<std::size_t>(s)];
    const std::int64_t at = s * a.images + image;
    a.student_lse[at] = row.lse.value();
    a.mass[at] = a.center ? static_cast<float>(soft_pairs(a.teachers, s, a.other_views)) : row.mass;
    a.loss[at] = row.loss(a.student_inv_temp, a.mass[at]);
  }
}

void backward_image(const SoftCrossEntropyArgs& a,
                    const float* upstream,
                    void* gradient,
                    std::int64_t image,
                    Targets& targets) {
  float room[kTile], out[kTile];
  for (std::int64_t first = 0; first < a.cols; first += kTile) {
    const std::int64_t n = std::min(kTile, a.cols - first);
    targets.load(image, first, n);
    for (std::int64_t s = 0; s < a.students; ++s) {
      const std::int64_t row = s * a.images + image, at = row * a.cols + first;
      gradient_of(tile_of(a.student, at, n, room),
                  targets.of(s),
                  n,
                  a.student_inv_temp,
                  a.student_lse[row],
                  a.mass[row],
                  upstream[row] * a.student_inv_temp,
                  a.student.bf16 ? out : static_cast<float*>(gradient) + at);
      if (a.student.bf16) narrow(out, n, static_cast<std::uint16_t*>(gradient) + at);
    }
  }
}

}  // namespace

void soft_cross_entropy_forward(const SoftCrossEntropyArgs& a, Cpu) {
  parallel_for(a.images, [&a](std::int64_t begin, std::int64_t end) {
    Targets targets(a);
    for (std::int64_t i = begin; i < end; ++i) forward_image(a, i, targets);
  });
}

void soft_cross_entropy_backward(const SoftCrossEntropyArgs& a,
                                 const float* upstream,
                                 void* gradient,
                                 Cpu) {
  parallel_for(a.images, [&](std::int64_t begin, std::int64_t end) {
    Targets targets(a);
    for (std::int64_t i = begin; i < end; ++i) backward_image(a, upstream, gradient, i, targets);
  });
}

}  // namespace sslrun::kernels
