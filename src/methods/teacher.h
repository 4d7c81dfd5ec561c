// The teacher of self-distillation: what it is and how its outputs are centred.  N rows, F features,
// K outputs.
#pragma once
#include "dist/world.h"
#include "methods/dino_head.h"
#include "methods/method.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

namespace sslrun::methods {

/// A copy of an encoder and a head that no gradient reaches and that drops no residual branch. Its
/// state is named "encoder.*" and "head.*" below the name it is registered under.
class Teacher final : public nn::Module {
 public:
  /// Starts equal to the student.
  Teacher(std::unique_ptr<encoders::Encoder> encoder,
          const DistillationHeadConfig& config,
          const encoders::Encoder& student,
          const DinoHead& student_head);

  encoders::Encoder& encoder() const { return *encoder_; }

  const DinoHead& head() const { return head_; }

  /// Moves by (1 - tau) towards the student it was made with.
  void follow(double tau);

 private:
  Teacher(std::unique_ptr<encoders::Encoder> encoder,
          const DistillationHeadConfig& config,
          const encoders::Encoder& student,
          const DinoHead& student_head,
          nn::Init any);

  std::unique_ptr<encoders::Encoder> encoder_;
  DinoHead head_;
  const encoders::Encoder& student_;
  const DinoHead& student_head_;
};

/// The moving average of a teacher's outputs, over all ranks: "mean" [K], from 0.
/// source    Caron et al. 2021, arXiv:2104.14294, equation 4; facebookresearch/dino main_dino.py
///           DINOLoss.update_center.
class Center final : public nn::Module {
 public:
  Center(std::int64_t outputs, double momentum);

  /// [K]; what update() moves.
  const at::Tensor& value() const { return center_K_; }

  /// Takes note of a micro-batch's outputs [N, K]; N may differ between ranks.
  void observe(const at::Tensor& logits_NK, dist::World& world);

  /// center = m center + (1 - m) mean of what was observed since the last time; it stays where that
  /// was nothing.
  void update();

 private:
  double momentum_;
  at::Tensor center_K_;
  at::Tensor seen_L_;  // [K + 1]: sums of the outputs, and how many; undefined: none
};

}  // namespace sslrun::methods
