#include "train/view_path.h"

#include "ops/host_memory.h"
#include "ops/step.h"
#include "ops/view_batch.h"
#include "views/view_work.h"

#include <fmt/format.h>

namespace sslrun::train {
namespace {

class CpuPath final : public ViewPath {
 public:
  CpuPath(const views::Pipeline& pipeline, at::Device device)
      : pipeline_(pipeline), device_(device), work_(pipeline) {}

  data::SampleWork& work() override { return work_; }

  void load(const data::Batch& batch) override { batch_ = &batch; }

  at::Tensor view(std::int64_t v, std::int64_t first, std::int64_t images) const override {
    const views::ViewForm& form = pipeline_.form(v);
    return ops::images_to(batch_->views[static_cast<std::size_t>(v)].data() + first * form.size(),
                          images * form.pictures,
                          form.shape.height,
                          form.shape.width,
                          form.shape.channels,
                          device_);
  }

  std::vector<data::ViewBuffer> first(std::int64_t images) const override {
    std::vector<data::ViewBuffer> views;
    for (std::int64_t v = 0; v < pipeline_.num_views(); ++v) {
      const float* values = batch_->views[static_cast<std::size_t>(v)].data();
      views.emplace_back(values, values + images * pipeline_.form(v).size());
    }
    return views;
  }

 private:
  const views::Pipeline& pipeline_;
  at::Device device_;
  views::ViewWork work_;
  const data::Batch* batch_ = nullptr;
};

class PackedPath final : public ViewPath {
 public:
  PackedPath(const views::Pipeline& pipeline, std::int64_t slots, at::Device device)
      : pipeline_(pipeline), device_(device), work_(pipeline, slots, ops::batch_memory(device)) {}

  data::SampleWork& work() override { return work_; }

  void load(const data::Batch& batch) override {
    const kernels::ViewBatchSize size = work_.finish(batch);
    made_.reset();  // its memory serves the next views
    made_ = ops::make_views(batch.pack->data(), size, device_);
  }

  at::Tensor view(std::int64_t v, std::int64_t first, std::int64_t images) const override {
    const views::ViewShape s = pipeline_.shape(v);
    return made_.narrow(0, work_.out_place(v) + first * s.size(), images * s.size())
        .view({images, s.height, s.width, s.channels})
        .permute({0, 3, 1, 2});
  }

  std::vector<data::ViewBuffer> first(std::int64_t images) const override {
    std::vector<data::ViewBuffer> views;
    for (std::int64_t v = 0; v < pipeline_.num_views(); ++v) {
      const at::Tensor flat =
          made_.narrow(0, work_.out_place(v), images * pipeline_.shape(v).size()).cpu();
      const auto* values = flat.const_data_ptr<float>();
      views.emplace_back(values, values + flat.numel());
    }
    return views;
  }

 private:
  const views::Pipeline& pipeline_;
  at::Device device_;
  views::PackedWork work_;
  at::Tensor made_;
};

}  // namespace

std::string why_cpu_views(const views::Pipeline& pipeline,
                          const recipe::Recipe& recipe,
                          at::Device device) {
  if (device.is_cpu()) return "it trains";
  if (recipe.data.pixels().bits != 8) return "data.bit_depth is 16, and the GPU takes 8";
  if (pipeline.cpu_only().empty()) return "";
  return fmt::format("{} has no form for the GPU, or not at its place in the recipe",
                     pipeline.cpu_only());
}

std::unique_ptr<ViewPath> make_cpu_path(const views::Pipeline& pipeline, at::Device device) {
  return std::make_unique<CpuPath>(pipeline, device);
}

std::unique_ptr<ViewPath> make_packed_path(const views::Pipeline& pipeline,
                                           std::int64_t slots,
                                           at::Device device) {
  return std::make_unique<PackedPath>(pipeline, slots, device);
}

std::unique_ptr<ViewPath> make_view_path(const views::Pipeline& pipeline,
                                         const recipe::Recipe& recipe,
                                         std::int64_t slots,
                                         at::Device device) {
  if (!why_cpu_views(pipeline, recipe, device).empty()) return make_cpu_path(pipeline, device);
  return make_packed_path(pipeline, slots, device);
}

}  // namespace sslrun::train
