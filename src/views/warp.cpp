#include "views/warp.h"

#include <numbers>
#include <utility>

namespace sslrun::views {

namespace {

constexpr std::size_t kUnknowns = 8;
using Row = std::array<double, kUnknowns + 1>;

// Solves a system whose rows end with their right side, by elimination with pivots.
std::array<double, kUnknowns> solve(std::array<Row, kUnknowns> rows) {
  for (std::size_t i = 0; i < kUnknowns; ++i) {
    std::size_t pivot = i;
    for (std::size_t k = i + 1; k < kUnknowns; ++k)
      if (std::abs(rows[k][i]) > std::abs(rows[pivot][i])) pivot = k;
    std::swap(rows[i], rows[pivot]);
    for (std::size_t k = 0; k < kUnknowns; ++k) {
      if (k == i) continue;
      const double by = rows[k][i] / rows[i][i];
      for (std::size_t j = i; j <= kUnknowns; ++j) rows[k][j] -= by * rows[i][j];
    }
  }
  std::array<double, kUnknowns> answer{};
  for (std::size_t i = 0; i < kUnknowns; ++i) answer[i] = rows[i][kUnknowns] / rows[i][i];
  return answer;
}

}  // namespace

void warp_affine(Canvas& canvas, const AffineMap& map, float fill) {
  const double turn = map.degrees * std::numbers::pi / 180;
  const double slant = std::tan(map.slant * std::numbers::pi / 180);
  // The inverse of rotation * slant * zoom, about the centre.
  const double a = std::cos(turn), b = -std::cos(turn) * slant - std::sin(turn);
  const double c = std::sin(turn), d = -std::sin(turn) * slant + std::cos(turn);
  const double centre_y = static_cast<double>(canvas.shape().height - 1) / 2,
               centre_x = static_cast<double>(canvas.shape().width - 1) / 2;
  warp(canvas, fill, [&](std::int64_t y, std::int64_t x) {
    const double dy = static_cast<double>(y) - centre_y - map.shift_y;
    const double dx = static_cast<double>(x) - centre_x - map.shift_x;
    return Point{(a * dy - c * dx) / map.zoom + centre_y, (d * dx - b * dy) / map.zoom + centre_x};
  });
}

void warp_perspective(Canvas& canvas, const std::array<Point, 4>& corners, float fill) {
  const auto bottom = static_cast<double>(canvas.shape().height - 1);
  const auto right = static_cast<double>(canvas.shape().width - 1);
  const std::array<Point, 4> from{{{0, 0}, {0, right}, {bottom, right}, {bottom, 0}}};
  std::array<Row, kUnknowns> rows{};
  for (std::size_t i = 0; i < 4; ++i) {
    const auto [y, x] = corners[i];
    rows[2 * i] = {x, y, 1, 0, 0, 0, -from[i].x * x, -from[i].x * y, from[i].x};
    rows[2 * i + 1] = {0, 0, 0, x, y, 1, -from[i].y * x, -from[i].y * y, from[i].y};
  }
  const std::array<double, kUnknowns> h = solve(rows);
  warp(canvas, fill, [&](std::int64_t row, std::int64_t column) {
    const double y = static_cast<double>(row) + 0.5, x = static_cast<double>(column) + 0.5;
    const double depth = h[6] * x + h[7] * y + 1;
    return Point{(h[3] * x + h[4] * y + h[5]) / depth - 0.5,
                 (h[0] * x + h[1] * y + h[2]) / depth - 0.5};
  });
}

}  // namespace sslrun::views
