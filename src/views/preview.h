// Views as a person can look at them.
#pragma once
#include "data/batch.h"
#include "image/image.h"
#include "views/pipeline.h"

#include <cstdint>
#include <span>
#include <vector>

namespace sslrun::views {

/// A picture of views: one row per image, one column per view, normalisation undone, 2 gray pixels
/// between; small views are enlarged by a whole factor, their pixels as squares; the pictures of a
/// view of several lie in a square.
/// shapes    views[v] [>= rows, pictures_v, H_v, W_v, channels] float32, as in data::Batch; rows >= 1.
///           Smaller views sit at the top left of a cell of the largest one.
image::Image preview_grid(const Pipeline& pipeline,
                          std::span<const data::ViewBuffer> views,
                          std::int64_t rows);

}  // namespace sslrun::views
