#pragma once

struct CUstream_st;  // the driver's own name: no CUDA header needed here

namespace sslrun::kernels {

struct Cpu {};

struct Cuda {
  CUstream_st* stream;
};

}  // namespace sslrun::kernels
