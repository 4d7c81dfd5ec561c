#include "views/packed_work.h"

#include "base/error.h"
#include "kernels/augment/resize_table.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sslrun::views {

namespace {

using kernels::AxisTable;
using kernels::BatchView;
using kernels::ResizeTable;

constexpr std::int64_t kWord = 4;  // bytes of an int32 or a float

std::int64_t bytes_of(const ResizeTable& table, std::int64_t n) {
  return n * (1 + table.groups * kernels::kTapGroup) * kWord;
}

// The tables of one view while its sample is packed; they keep their memory.
struct Tables {
  ResizeTable columns, rows;
  kernels::BlurWeights blur;
};

// Appends to a part of the pack.
struct Writer {
  std::uint8_t* part;
  std::int64_t at = 0;

  std::int64_t put(const void* from, std::int64_t n) {
    std::memcpy(part + at, from, static_cast<std::size_t>(n));
    return std::exchange(at, at + n);
  }

  AxisTable put(const ResizeTable& table, std::int64_t n, std::int64_t in) {
    const std::int64_t taps = table.groups * kernels::kTapGroup;
    const std::int64_t place = put(table.begin.data(), n * kWord);
    for (std::int64_t k = 0; k < taps; ++k) put(table.integer.data() + k * table.n, n * kWord);
    return {place,
            static_cast<std::int32_t>(n),
            static_cast<std::int32_t>(taps),
            static_cast<std::int32_t>(in)};
  }
};

void make_tables(const ViewPlan& plan, Tables& tables) {
  const auto [height, width, channels] = plan.shape;
  make_resize_table(
      kernels::resize_axis(plan.box.width, width, plan.filter), width, plan.flip_x, tables.columns);
  make_resize_table(
      kernels::resize_axis(plan.box.height, height, plan.filter), height, plan.flip_y, tables.rows);
  tables.blur.reach = 0;
  if (plan.sigma > 0)
    tables.blur = kernels::blur_weights(plan.radius, static_cast<float>(plan.sigma));
}

std::int64_t bytes_of(const ViewPlan& plan, const Tables& tables) {
  return bytes_of(tables.columns, plan.shape.width) + bytes_of(tables.rows, plan.shape.height) +
         (tables.blur.reach + 1) * kWord;
}

// Places are counted from the start of the part.
BatchView put_view(const ViewPlan& plan, const Tables& tables, Writer& to) {
  const auto [height, width, channels] = plan.shape;
  BatchView v;
  v.columns = to.put(tables.columns, width, plan.box.width);
  v.rows = to.put(tables.rows, height, plan.box.height);
  v.y_first = kernels::y_first(plan.box.height, plan.box.width, height, width);
  v.num_steps = plan.num_steps;
  v.num_before = plan.num_before;
  std::copy(plan.steps.begin(), plan.steps.end(), v.steps);
  v.blur_reach = static_cast<std::int32_t>(tables.blur.reach);
  v.blur_weights = to.put(tables.blur.weight, (tables.blur.reach + 1) * kWord);
  return v;
}

image::Box hull(const std::vector<ViewPlan>& plans) {
  image::Box all = plans.front().box;
  std::int64_t bottom = all.top + all.height, right = all.left + all.width;
  for (const ViewPlan& plan : plans) {
    bottom = std::max(bottom, plan.box.top + plan.box.height);
    right = std::max(right, plan.box.left + plan.box.width);
    all.top = std::min(all.top, plan.box.top);
    all.left = std::min(all.left, plan.box.left);
  }
  all.height = bottom - all.top;
  all.width = right - all.left;
  return all;
}

}  // namespace

PackedWork::PackedWork(const Pipeline& pipeline,
                       std::int64_t num_slots,
                       std::pmr::memory_resource* memory)
    : pipeline_(pipeline), num_slots_(num_slots), memory_(memory) {
  check_invariant(pipeline.cpu_only().empty(), "the batched kernels can make all views");
  head_bytes_ = num_slots * pipeline.num_views() * static_cast<std::int64_t>(sizeof(BatchView));
  std::int64_t floats = 0;
  for (std::int64_t v = 0; v < pipeline.num_views(); ++v) {
    out_places_.push_back(floats);
    floats += num_slots * pipeline.shape(v).size();
    stats_places_.push_back(head_bytes_);
    head_bytes_ += 2 * pipeline.shape(v).channels * kWord;
  }
}

std::vector<data::ViewSize> PackedWork::view_sizes() const {
  return std::vector<data::ViewSize>(static_cast<std::size_t>(pipeline_.num_views()));
}

std::shared_ptr<data::BytePack> PackedWork::make_pack() const {
  return std::make_shared<data::BytePack>(head_bytes_, num_slots_, memory_);
}

void PackedWork::run(const image::Image& image,
                     std::int64_t epoch,
                     std::int64_t sample,
                     std::int64_t slot,
                     data::Batch& batch) {
  check_invariant(image.bits == 8, "the batched kernels take bytes");
  thread_local std::vector<ViewPlan> plans;
  thread_local std::vector<Tables> tables;
  const auto num_views = static_cast<std::size_t>(pipeline_.num_views());
  plans.resize(num_views);
  if (tables.size() < num_views) tables.resize(num_views);
  std::int64_t bytes = 0;
  for (std::size_t v = 0; v < num_views; ++v) {
    plans[v] = pipeline_.plan_view(
        image.whole_height, image.whole_width, epoch, sample, static_cast<std::int64_t>(v));
    make_tables(plans[v], tables[v]);
    bytes += bytes_of(plans[v], tables[v]);
  }
  const image::Box box = hull(plans);
  const std::int64_t pitch = box.width * image.channels;
  Writer to{batch.pack->add(slot, bytes + box.height * pitch)};
  auto* views = reinterpret_cast<BatchView*>(batch.pack->head()) + slot * pipeline_.num_views();
  for (std::size_t v = 0; v < num_views; ++v) {
    views[v] = put_view(plans[v], tables[v], to);
    views[v].pitch = pitch;
    views[v].crop = bytes + (plans[v].box.top - box.top) * pitch +
                    (plans[v].box.left - box.left) * image.channels;
  }
  for (std::int64_t y = 0; y < box.height; ++y) {
    const std::int64_t row = box.top - image.top + y;
    to.put(image.pixels.data() + (row * image.width + box.left - image.left) * image.channels,
           pitch);
  }
}

kernels::ViewBatchSize PackedWork::finish(const data::Batch& batch) const {
  kernels::ViewBatchSize all{.channels = pipeline_.shape(0).channels};
  all.pack_bytes = batch.pack->seal();
  all.num_views = num_slots_ * pipeline_.num_views();
  for (std::int64_t i = 0; i < all.num_views; ++i) {
    BatchView& v = reinterpret_cast<BatchView*>(batch.pack->head())[i];
    const std::int64_t slot = i / pipeline_.num_views(), view = i % pipeline_.num_views();
    const std::int64_t part = batch.pack->offset(slot), size = pipeline_.shape(view).size();
    for (std::int64_t* place : {&v.crop, &v.columns.at, &v.rows.at, &v.blur_weights})
      *place += part;
    v.stats = stats_places_[static_cast<std::size_t>(view)];
    v.resized = std::exchange(all.resized_bytes, all.resized_bytes + size);
    v.out = out_place(view) + slot * size;
    all.out_floats += size;
    v.first_block = all.num_blocks;
    all.num_blocks += (v.num_pixels() + kernels::kBatchPixels - 1) / kernels::kBatchPixels;
    v.first_tile = all.num_tiles;
    if (v.blur_reach == 0) continue;
    v.changed = std::exchange(all.changed_floats, all.changed_floats + size);
    const auto tiles = [](std::int64_t n) {
      return (n + kernels::kBlurTile - 1) / kernels::kBlurTile;
    };
    all.num_tiles += tiles(v.rows.n) * tiles(v.columns.n);
  }
  for (std::int64_t view = 0; view < pipeline_.num_views(); ++view) {
    const ChannelStats stats = pipeline_.stats(view);
    Writer to{batch.pack->head(), stats_places_[static_cast<std::size_t>(view)]};
    to.put(stats.mean.data(), static_cast<std::int64_t>(stats.mean.size()) * kWord);
    to.put(stats.std.data(), static_cast<std::int64_t>(stats.std.size()) * kWord);
  }
  return all;
}

}  // namespace sslrun::views
