#include "dist/process_group.h"

#include "base/error.h"
#include "dist/nccl/nccl_backend.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include <dlfcn.h>
#include <fmt/format.h>

#include <exception>
#include <type_traits>
#include <utility>
#include <vector>

namespace sslrun::dist {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Collectives without autograd over one backend.
class Group {
 public:
  Group(c10::intrusive_ptr<c10d::Backend> backend,
        Place place,
        std::unique_ptr<Heartbeat> heartbeat)
      : backend_(std::move(backend)), place_(place), heartbeat_(std::move(heartbeat)) {}

  at::Tensor gather(const at::Tensor& rows) {
    std::vector<std::int64_t> shape = rows.sizes().vec();
    shape.at(0) *= place_.size;
    at::Tensor all = at::empty(shape, rows.options());
    at::Tensor own = rows.contiguous();
    finish("all_gather", [&] { return backend_->_allgather_base(all, own); });
    return all;
  }

  /// The sum over the ranks of this rank's part of `all`.
  at::Tensor scatter_sum(const at::Tensor& all) {
    std::vector<std::int64_t> shape = all.sizes().vec();
    shape.at(0) /= place_.size;
    at::Tensor own = at::empty(shape, all.options());
    at::Tensor whole = all.contiguous();
    finish("reduce_scatter", [&] { return backend_->_reduce_scatter_base(own, whole); });
    return own;
  }

  at::Tensor sum(const at::Tensor& value) {
    std::vector<at::Tensor> sums{value.contiguous().clone()};
    finish("all_reduce", [&] { return backend_->allreduce(sums); });
    return sums.front();
  }

  std::function<void()> start_sum(const at::Tensor& value) {
    std::vector<at::Tensor> sums{value};
    enter();
    const auto work = guard("all_reduce", [&] { return backend_->allreduce(sums); });
    return [this, work] { guard("all_reduce", [&] { return work->wait(); }); };
  }

  void barrier() {
    finish("barrier", [&] { return backend_->barrier(); });
  }

  const Place& place() const { return place_; }

  Heartbeat* heartbeat() const { return heartbeat_.get(); }

 private:
  void enter() const {
    if (heartbeat_) heartbeat_->enter();
  }

  template <class Start>
  void finish(const char* collective, Start&& start) const {
    enter();
    guard(collective, [&] { return start()->wait(); });
  }

  template <class Run>
  std::invoke_result_t<Run> guard(const char* collective, Run&& run) const {
    try {
      return run();
    } catch (const std::exception& e) {
      const std::string_view what = e.what();
      throw PeerError(fmt::format("all {} ranks must take part in {}, and rank {} lost one: {}{}",
                                  place_.size,
                                  collective,
                                  place_.rank,
                                  heartbeat_ ? heartbeat_->missing() + "; " : "",
                                  what.substr(0, what.find('\n'))));
    }
  }

  c10::intrusive_ptr<c10d::Backend> backend_;
  Place place_;
  std::unique_ptr<Heartbeat> heartbeat_;
};

Group* group_of(AutogradContext* context) {
  return reinterpret_cast<Group*>(context->saved_data["group"].toInt());
}

struct GatherRows final : torch::autograd::Function<GatherRows> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& rows, Group* group) {
    context->saved_data["group"] = reinterpret_cast<std::int64_t>(group);
    return group->gather(rows);
  }

  static variable_list backward(AutogradContext* context, const variable_list& upstream) {
    return {group_of(context)->scatter_sum(upstream[0]), at::Tensor()};
  }
};

struct Sum final : torch::autograd::Function<Sum> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& value, Group* group) {
    context->saved_data["group"] = reinterpret_cast<std::int64_t>(group);
    return group->sum(value);
  }

  static variable_list backward(AutogradContext* context, const variable_list& upstream) {
    return {group_of(context)->sum(upstream[0]), at::Tensor()};
  }
};

class GroupWorld final : public World {
 public:
  explicit GroupWorld(Group group) : group_(std::move(group)) {}

  std::int64_t rank() const override { return group_.place().rank; }

  std::int64_t size() const override { return group_.place().size; }

  at::Tensor all_gather(const at::Tensor& rows) override {
    return GatherRows::apply(rows, &group_);
  }

  at::Tensor all_reduce_sum(const at::Tensor& value) override { return Sum::apply(value, &group_); }

  std::function<void()> start_sum(const at::Tensor& value) override {
    return group_.start_sum(value);
  }

  void barrier() override { group_.barrier(); }

  void report(std::int64_t step, const char* phase) override {
    if (Heartbeat* const heartbeat = group_.heartbeat()) heartbeat->report(step, phase);
  }

 private:
  Group group_;
};

NcclEntry open_nccl() {
  void* const library = dlopen(kNcclLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw DeviceError(
        fmt::format("{} must load for several GPUs: {}; build with CUDA and NCCL's header "
                    "(libnccl-dev), or give one GPU: --devices cuda:0",
                    kNcclLibrary,
                    dlerror()));
  }
  const auto entry = reinterpret_cast<NcclEntry>(dlsym(library, kNcclEntry));
  check_invariant(entry != nullptr, "libsslrun_nccl.so exports its entry");
  return entry;
}

/// The world over the backend that `make` makes, where the ranks meet. where: this rank's place in
/// words.
template <class Make>
std::shared_ptr<World> meet(Place place,
                            const std::string& where,
                            std::unique_ptr<Heartbeat> heartbeat,
                            Make&& make) {
  try {
    return std::make_shared<GroupWorld>(Group(make(), place, std::move(heartbeat)));
  } catch (const std::exception& e) {
    const std::string_view what = e.what();
    throw PeerError(fmt::format("all {} ranks must meet, and rank {} at '{}' did not: {}",
                                place.size,
                                place.rank,
                                where,
                                what.substr(0, what.find('\n'))));
  }
}

}  // namespace

std::shared_ptr<World> gloo_world(c10::intrusive_ptr<c10d::Store> store,
                                  Place place,
                                  const std::string& address,
                                  std::chrono::milliseconds timeout,
                                  std::unique_ptr<Heartbeat> heartbeat) {
  return meet(place, address, std::move(heartbeat), [&] {
    auto options = c10d::ProcessGroupGloo::Options::create(timeout);
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname(address));
    return c10::make_intrusive<c10d::ProcessGroupGloo>(
        c10::make_intrusive<c10d::PrefixStore>("gloo", std::move(store)),
        static_cast<int>(place.rank),
        static_cast<int>(place.size),
        options);
  });
}

std::shared_ptr<World> nccl_world(c10::intrusive_ptr<c10d::Store> store,
                                  Place place,
                                  at::Device device,
                                  std::chrono::milliseconds timeout,
                                  std::unique_ptr<Heartbeat> heartbeat) {
  static const NcclEntry entry = open_nccl();
  return meet(place, device.str(), std::move(heartbeat), [&] {
    return c10::intrusive_ptr<c10d::Backend>::reclaim(
        entry(c10::make_intrusive<c10d::PrefixStore>("nccl", std::move(store)),
              static_cast<int>(place.rank),
              static_cast<int>(place.size),
              device.index(),
              timeout.count()));
  });
}

}  // namespace sslrun::dist
