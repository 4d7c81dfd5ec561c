#pragma once

namespace at {
class Tensor;
}

namespace sslrun::ops {

/// How far apart the embeddings of a batch are: the mean over dimensions of the standard deviation
/// over rows of the L2-normalised rows. 1 / sqrt(D) when they fill the sphere, 0 when they have
/// collapsed to a point.
/// shapes    z_ND [N, D], N >= 2 -> a float32 scalar without a graph.
/// source    Chen and He 2021, arXiv:2011.10566, section 4.1.
at::Tensor embedding_std(const at::Tensor& z_ND);

}  // namespace sslrun::ops
