// The orders in which a jigsaw puzzle shows its tiles.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

namespace sslrun::views {

constexpr std::int64_t kTiles = 9;  // 3 x 3, row by row

/// Place t shows tile [t].
using TileOrder = std::array<std::uint8_t, kTiles>;

/// `count` orders that differ in as many places as a greedy choice makes them: the tiles in place
/// first, then again and again the remaining order with the largest mean Hamming distance to those
/// chosen, the lexicographically first where several have it. 1 <= count <= 9!. The first orders of a
/// larger set are a smaller set.
/// source    Noroozi and Favaro 2016, arXiv:1603.09246, algorithm 1; bbrattoli/JigsawPuzzlePytorch
///           select_permutations.py (selection max), whose first order is random.
std::vector<TileOrder> choose_tile_orders(std::int64_t count);

/// The same, chosen once in a process. Thread-safe; valid for good.
const std::vector<TileOrder>& tile_orders(std::int64_t count);

}  // namespace sslrun::views
