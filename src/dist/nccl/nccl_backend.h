// What libsslrun_nccl.so offers. It is apart from the engine because it links LibTorch's GPU half,
// which is loaded only where a GPU is wanted.
#pragma once
#include <c10/util/intrusive_ptr.h>

#include <cstdint>

namespace c10d {
class Backend;
class Store;
}  // namespace c10d

namespace sslrun::dist {

inline constexpr const char* kNcclLibrary = "libsslrun_nccl.so";
inline constexpr const char* kNcclEntry = "sslrun_nccl_backend";

/// NCCL's backend of one rank on GPU `device`, with its communicator made: returns when every rank
/// has called it. What the pointer holds goes over to the caller.
/// errors    LibTorch's, where a rank does not come within `timeout_ms` or NCCL cannot start.
using NcclEntry = c10d::Backend* (*)(const c10::intrusive_ptr<c10d::Store>& store,
                                     int rank,
                                     int size,
                                     int device,
                                     std::int64_t timeout_ms);

}  // namespace sslrun::dist
