// One include for both Catch2 generations: Debian 12 has 2.13, Ubuntu 24.04 has 3.
#pragma once
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif

#include <cstdio>

/// Leaves the test case with a line that scripts/test.sh counts and prints: a skip is never silent.
#define SKIP_TEST(reason)                   \
  do {                                      \
    std::printf("SKIPPED: %s\n", (reason)); \
    return;                                 \
  } while (false)
