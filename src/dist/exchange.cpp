#include "dist/exchange.h"

#include "dist/world.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

namespace sslrun::dist {
namespace {

constexpr std::int64_t kBlockRows = 4096;  // a device need not have room for all rows of all ranks

at::Tensor gather(const at::Tensor& rows, World& world, at::Device device) {
  return world.all_gather(rows.to(device)).cpu();
}

}  // namespace

std::vector<std::vector<double>> exchange(std::span<const double> own,
                                          World& world,
                                          at::Device device) {
  if (world.size() == 1) return {{own.begin(), own.end()}};
  const auto count = static_cast<std::int64_t>(own.size());
  const at::Tensor row = at::from_blob(const_cast<double*>(own.data()), {1, count}, at::kDouble);
  const at::Tensor all = gather(row, world, device).contiguous();
  const auto* const values = all.const_data_ptr<double>();
  std::vector<std::vector<double>> out;
  for (std::int64_t rank = 0; rank < world.size(); ++rank)
    out.emplace_back(values + rank * count, values + (rank + 1) * count);
  return out;
}

std::vector<std::string> exchange(const std::string& own, World& world, at::Device device) {
  const auto size = static_cast<double>(own.size());
  const auto sizes = exchange(std::span(&size, 1), world, device);
  const at::Tensor bytes = at::from_blob(
      const_cast<char*>(own.data()), {static_cast<std::int64_t>(own.size())}, at::kByte);
  const at::Tensor all = gather_rows(bytes, world, device).contiguous();
  const auto* next = reinterpret_cast<const char*>(all.const_data_ptr<std::uint8_t>());
  std::vector<std::string> out;
  for (const std::vector<double>& rank : sizes) {
    out.emplace_back(next, static_cast<std::size_t>(rank[0]));
    next += out.back().size();
  }
  return out;
}

at::Tensor gather_rows(const at::Tensor& rows, World& world, at::Device device) {
  if (world.size() == 1) return rows;
  const at::NoGradGuard no_grad;
  const std::int64_t own = rows.size(0);
  const auto count = static_cast<double>(own);
  std::int64_t most = 0;
  std::vector<std::int64_t> counts;
  for (const std::vector<double>& rank : exchange(std::span(&count, 1), world, device)) {
    counts.push_back(static_cast<std::int64_t>(rank[0]));
    most = std::max(most, counts.back());
  }
  std::vector<std::vector<at::Tensor>> parts(counts.size());  // of each rank
  for (std::int64_t begin = 0; begin < most; begin += kBlockRows) {
    const std::int64_t block = std::min(kBlockRows, most - begin);
    const auto within = [&](std::int64_t of) {
      return std::clamp<std::int64_t>(of - begin, 0, block);
    };
    std::vector<std::int64_t> shape = rows.sizes().vec();
    shape[0] = block;
    const at::Tensor padded = at::zeros(shape, rows.options());
    padded.narrow(0, 0, within(own)).copy_(rows.narrow(0, std::min(begin, own), within(own)));
    const at::Tensor all = gather(padded, world, device);
    for (std::size_t r = 0; r < counts.size(); ++r) {
      const auto first = static_cast<std::int64_t>(r) * block;
      parts[r].push_back(all.narrow(0, first, within(counts[r])));
    }
  }
  std::vector<at::Tensor> joined;
  for (const auto& rank : parts) joined.insert(joined.end(), rank.begin(), rank.end());
  return joined.empty() ? rows : at::cat(joined, 0);
}

}  // namespace sslrun::dist
