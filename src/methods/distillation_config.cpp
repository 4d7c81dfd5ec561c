#include "methods/distillation_config.h"

#include "config/fields.h"

namespace sslrun::methods {

void TeacherTemperature::bind(config::Fields& fields) {
  fields.real("start", start, {.min = 0, .open_min = true}, "in the first epoch");
  fields.real("end", end, {.min = 0, .open_min = true}, "after the warm-up");
  fields.integer("warmup_epochs", warmup_epochs, {.min = 0}, "epochs from start to end");
}

double TeacherTemperature::at(std::int64_t epoch, std::int64_t parts) const {
  const std::int64_t warmup = warmup_epochs * parts;
  if (epoch >= warmup) return end;
  if (warmup == 1) return start;
  return start + (end - start) * static_cast<double>(epoch) / static_cast<double>(warmup - 1);
}

void DistillationHeadConfig::bind(config::Fields& fields) {
  fields.integer("hidden_dim", hidden_dim, {.min = 1}, "width of the two hidden layers");
  fields.integer("bottleneck_dim", bottleneck_dim, {.min = 1}, "width before the last layer");
  fields.integer("output_dim", output_dim, {.min = 2}, "outputs that student and teacher share");
  fields.boolean("norm_last_layer",
                 norm_last_layer,
                 "the last layer's rows keep length 1: steadier; false may do better");
}

void DistillationConfig::bind(config::Fields& fields) {
  fields.real("student_temperature",
              student_temperature,
              {.min = 0, .open_min = true},
              "of the student's softmax");
  fields.section("teacher_temperature",
                 "of the teacher's softmax: lower is sharper, too low collapses",
                 [this](config::Fields& f) { teacher_temperature.bind(f); });
  fields.real("momentum",
              momentum,
              {.min = 0, .max = 1},
              "of the teacher at the start; it rises to 1 along a cosine");
  fields.real("center_momentum",
              center_momentum,
              {.min = 0, .max = 1},
              "of the mean that is taken off the teacher's outputs");
  fields.integer("freeze_last_layer_epochs",
                 freeze_last_layer_epochs,
                 {.min = 0},
                 "at the start, in which the last layer does not move");
  fields.section("head", "of student and teacher, dropped after pretraining", [this](auto& f) {
    head.bind(f);
  });
}

}  // namespace sslrun::methods
