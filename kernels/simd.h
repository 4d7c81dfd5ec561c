// How one loop is compiled for several instruction sets.
#pragma once
#include <atomic>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__)
#define SSLRUN_X86 1
#define SSLRUN_AVX2 __attribute__((target("arch=x86-64-v3")))
#define SSLRUN_AVX512 __attribute__((target("arch=x86-64-v4,avx512vnni,avx512vbmi")))
#else
#define SSLRUN_X86 0
#endif

// A plain loop in versions of which the loader picks the widest that the processor has. g++
// dispatches on one word per version: x86-64-v3 stands for AVX2 with FMA. Sanitizers cannot run the
// resolvers.
#if SSLRUN_X86 && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define SSLRUN_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SSLRUN_CLONES
#endif

namespace sslrun::kernels {

/// Instruction sets that kernels are written for: AVX2 with FMA (x86-64-v3), AVX-512 with byte dot
/// products and permutations (x86-64-v4, VNNI and VBMI).
enum class Simd { kPortable, kAvx2, kAvx512 };

/// The widest that this processor has.
inline Simd widest_simd() {
#if SSLRUN_X86
  if (__builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512vnni") &&
      __builtin_cpu_supports("avx512vbmi"))
    return Simd::kAvx512;
  if (__builtin_cpu_supports("x86-64-v3")) return Simd::kAvx2;
#endif
  return Simd::kPortable;
}

/// What kernels use: the widest, until a test asks for less.
inline std::atomic<Simd>& simd_in_use() {
  static std::atomic<Simd> simd = widest_simd();
  return simd;
}

}  // namespace sslrun::kernels
