#include "eval/knn.h"

#include "base/error.h"
#include "base/thread_pool.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/topk.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>

namespace sslrun::eval {
namespace {

constexpr std::int64_t kBlockFloats = 1 << 24;  // 64 MiB of similarities

at::Tensor unit_rows(const at::Tensor& x_NF) {
  return x_NF / x_NF.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12);
}

/// Whether `label` is among the first `places` classes by vote: fewer than that many stand before
/// it.
bool within(const std::vector<double>& votes, std::int64_t label, int places) {
  const double own = votes[static_cast<std::size_t>(label)];
  int before = 0;
  for (std::int64_t c = 0; c < static_cast<std::int64_t>(votes.size()); ++c) {
    const double other = votes[static_cast<std::size_t>(c)];
    if (other > own || (other == own && c < label)) ++before;
  }
  return before < places;
}

}  // namespace

const KnnScore& KnnResult::best() const {
  return *std::max_element(table.begin(), table.end(), [](const KnnScore& a, const KnnScore& b) {
    return a.top1 < b.top1;
  });
}

KnnResult knn(const Features& bank,
              const Features& query,
              const std::vector<std::int64_t>& ks,
              const std::vector<double>& temperatures) {
  if (bank.labels.empty() || query.labels.empty()) {
    throw DataError(
        "k-NN must have labels on both sides: class folders, shards with .cls members, IDX or "
        "CIFAR files");
  }
  const at::NoGradGuard no_grad;
  const auto num_bank = static_cast<std::int64_t>(bank.labels.size()),
             num_query = static_cast<std::int64_t>(query.labels.size());
  const std::int64_t classes =
      1 + std::max(*std::max_element(bank.labels.begin(), bank.labels.end()),
                   *std::max_element(query.labels.begin(), query.labels.end()));
  KnnResult result{.table = {}, .train_images = num_bank, .val_images = num_query};
  for (const std::int64_t k : ks) {
    for (const double t : temperatures)
      result.table.push_back({.k = std::min(k, num_bank), .temperature = t});
  }
  const std::int64_t most = std::min(*std::max_element(ks.begin(), ks.end()), num_bank);
  const at::Tensor bank_FN = unit_rows(bank.x_NF).t();
  const at::Tensor query_MF = unit_rows(query.x_NF);
  const std::int64_t block = std::max<std::int64_t>(1, kBlockFloats / num_bank);
  std::vector<std::atomic<std::int64_t>> top1(result.table.size()), top5(result.table.size());
  for (std::int64_t begin = 0; begin < num_query; begin += block) {
    const std::int64_t rows = std::min(block, num_query - begin);
    const auto [similarity, index] = at::topk(query_MF.narrow(0, begin, rows).matmul(bank_FN),
                                              most,
                                              1,
                                              /*largest=*/true,
                                              /*sorted=*/true);
    const at::Tensor similarity_MK = similarity.contiguous(), index_MK = index.contiguous();
    const float* const sim = similarity_MK.const_data_ptr<float>();
    const std::int64_t* const idx = index_MK.const_data_ptr<std::int64_t>();
    parallel_for(rows, [&](std::int64_t first, std::int64_t last) {
      std::vector<double> votes(static_cast<std::size_t>(classes));
      for (std::int64_t row = first; row < last; ++row) {
        const std::int64_t label = query.labels[static_cast<std::size_t>(begin + row)];
        for (std::size_t entry = 0; entry < result.table.size(); ++entry) {
          std::fill(votes.begin(), votes.end(), 0.0);
          for (std::int64_t j = 0; j < result.table[entry].k; ++j) {
            const auto neighbour = static_cast<std::size_t>(idx[row * most + j]);
            // Less 1: the weights keep their ratios and stay finite at any temperature.
            votes[static_cast<std::size_t>(bank.labels[neighbour])] += std::exp(
                (static_cast<double>(sim[row * most + j]) - 1) / result.table[entry].temperature);
          }
          top1[entry] += within(votes, label, 1);
          top5[entry] += within(votes, label, 5);
        }
      }
    });
  }
  for (std::size_t entry = 0; entry < result.table.size(); ++entry) {
    result.table[entry].top1 = static_cast<double>(top1[entry]) / static_cast<double>(num_query);
    result.table[entry].top5 = static_cast<double>(top5[entry]) / static_cast<double>(num_query);
  }
  return result;
}

}  // namespace sslrun::eval
