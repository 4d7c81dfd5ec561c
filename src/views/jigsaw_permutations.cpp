#include "views/jigsaw_permutations.h"

#include "base/error.h"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <set>

namespace sslrun::views {

namespace {

constexpr std::size_t kAllTiles = 1u << kTiles;

// An order's Hamming distances to n chosen ones add up to 9 n minus its agreements: for each place,
// how many of the chosen show the same tile there. So the farthest order has the fewest agreements.
class Chosen {
 public:
  void add(const TileOrder& order) {
    for (std::size_t place = 0; place < kTiles; ++place) ++shown_[place][order[place]];
    orders_.insert(order);
    // fewest_[used]: the fewest agreements of the places behind, when these tiles are used up.
    for (std::size_t used = kAllTiles - 1; used-- > 0;) {
      fewest_[used] = std::numeric_limits<std::int64_t>::max();
      const auto place = static_cast<std::size_t>(__builtin_popcountll(used));
      for (std::size_t tile = 0; tile < kTiles; ++tile) {
        if ((used >> tile & 1) == 0)
          fewest_[used] =
              std::min(fewest_[used], shown_[place][tile] + fewest_[used | std::size_t{1} << tile]);
      }
    }
  }

  TileOrder farthest() const {
    TileOrder order{};
    std::int64_t agreements = fewest_[0];
    while (!find(order, 0, 0, agreements)) ++agreements;
    return order;
  }

 private:
  // The first order, in lexicographic order, that is not chosen and has just so many agreements.
  bool find(TileOrder& order, std::size_t place, std::size_t used, std::int64_t agreements) const {
    if (place == kTiles) return agreements == 0 && !orders_.contains(order);
    for (std::size_t tile = 0; tile < kTiles; ++tile) {
      const std::size_t with = used | std::size_t{1} << tile;
      const std::int64_t left = agreements - shown_[place][tile];
      if (with == used || left < fewest_[with]) continue;
      order[place] = static_cast<std::uint8_t>(tile);
      if (find(order, place + 1, with, left)) return true;
    }
    return false;
  }

  std::array<std::array<std::int64_t, kTiles>, kTiles> shown_{};  // [place][tile]
  std::array<std::int64_t, kAllTiles> fewest_{};
  std::set<TileOrder> orders_;
};

}  // namespace

std::vector<TileOrder> choose_tile_orders(std::int64_t count) {
  check_invariant(count >= 1 && count <= 362880, "nine tiles have 9! orders");
  TileOrder in_place{};
  std::iota(in_place.begin(), in_place.end(), std::uint8_t{0});
  std::vector<TileOrder> orders{in_place};
  Chosen chosen;
  while (static_cast<std::int64_t>(orders.size()) < count) {
    chosen.add(orders.back());
    orders.push_back(chosen.farthest());
  }
  return orders;
}

const std::vector<TileOrder>& tile_orders(std::int64_t count) {
  static std::mutex mutex;
  static std::map<std::int64_t, std::vector<TileOrder>> sets;  // its elements stay where they are
  const std::lock_guard lock(mutex);
  std::vector<TileOrder>& orders = sets[count];
  if (orders.empty()) orders = choose_tile_orders(count);
  return orders;
}

}  // namespace sslrun::views
