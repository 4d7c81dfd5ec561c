#include "recipe/plan.h"

namespace sslrun::recipe {

Plan make_plan(const Recipe& recipe, const OpenedData& data) {
  Plan plan;
  const auto classes = [](const data::Source& s) { return static_cast<std::int64_t>(s.class_names().size()); };
  plan.train_images = data.train->size();
  plan.train_classes = classes(*data.train);
  if (data.val) {
    plan.val_images = data.val->size();
    plan.val_classes = classes(*data.val);
  }
  for (const views::ViewGroup& group : recipe.augmentations) plan.views += group.views;
  plan.steps_per_epoch = plan.train_images / recipe.train.batch_size;
  plan.total_steps = plan.steps_per_epoch * recipe.schedule.epochs;
  plan.warmup_steps = plan.steps_per_epoch * recipe.schedule.warmup_epochs;
  plan.peak_lr = recipe.learning_rate.peak(recipe.train.batch_size);
  plan.knn = runs_knn(recipe, data);
  return plan;
}

}  // namespace sslrun::recipe
