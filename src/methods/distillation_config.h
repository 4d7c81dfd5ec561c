#pragma once
#include <cstdint>

namespace sslrun::config {
class Fields;
}

namespace sslrun::methods {

/// A teacher's softmax temperature over the epochs.
struct TeacherTemperature {
  double start = 0.04;
  double end = 0.04;
  std::int64_t warmup_epochs = 0;

  void bind(config::Fields& fields);

  /// Linear over the warm-up's epochs, the first of which has `start` and the last `end`; `end` from
  /// then on. With parts, an epoch is so many steps, and `epoch` counts them.
  /// source    facebookresearch/dino main_dino.py DINOLoss, by epochs; facebookresearch/dinov2
  ///           dinov2/train/train.py build_schedulers, by steps: numpy.linspace.
  double at(std::int64_t epoch, std::int64_t parts = 1) const;
};

/// A head of the DINO family.
struct DistillationHeadConfig {
  std::int64_t hidden_dim = 2048;
  std::int64_t bottleneck_dim = 256;
  std::int64_t output_dim = 65536;
  bool norm_last_layer = true;
  std::int64_t patch_output_dim = 0;  // of a last layer for patches beside the other; 0: none

  /// All but patch_output_dim, which a method sets.
  void bind(config::Fields& fields);
};

/// The keys that DINO, iBOT and DINOv2 share.
struct DistillationConfig {
  double student_temperature = 0.1;
  TeacherTemperature teacher_temperature;
  double momentum = 0.996;
  double center_momentum = 0.9;
  std::int64_t freeze_last_layer_epochs = 1;
  DistillationHeadConfig head;

  void bind(config::Fields& fields);
};

}  // namespace sslrun::methods
