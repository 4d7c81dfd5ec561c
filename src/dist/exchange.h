// Small facts that ranks tell each other.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace sslrun::dist {

class World;

/// What every rank says, in rank order: as many numbers each. device: where the world's tensors live,
/// here and below.
/// errors    PeerError as World's.
std::vector<std::vector<double>> exchange(std::span<const double> own,
                                          World& world,
                                          at::Device device);

/// The same with words, of any length.
std::vector<std::string> exchange(const std::string& own, World& world, at::Device device);

/// The rows of every rank in rank order, of which each has its own number, 0 included.
/// shapes    rows [N, ...] on the CPU, alike on all ranks but for N; the answer too. No gradient.
at::Tensor gather_rows(const at::Tensor& rows, World& world, at::Device device);

}  // namespace sslrun::dist
