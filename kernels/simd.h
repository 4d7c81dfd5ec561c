// Lets one plain loop be compiled for several instruction sets; the loader picks the widest that
// the processor has. g++ dispatches on one word per version: x86-64-v3 stands for AVX2 with FMA.
// Sanitizers cannot run the resolvers.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__OPTIMIZE__)
#define SSLRUN_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SSLRUN_CLONES
#endif
