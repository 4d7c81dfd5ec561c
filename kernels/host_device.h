#pragma once

#if defined(__CUDACC__)
#define SSLRUN_HD __host__ __device__ inline
#else
#define SSLRUN_HD inline
#endif
