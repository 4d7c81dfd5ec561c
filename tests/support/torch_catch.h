// Catch2 beside LibTorch: c10's logging defines CHECK too, one that ends the process. Include this
// instead of catch.h, first.
#pragma once
#include <c10/util/Logging.h>
#undef CHECK

#include "tests/support/catch.h"
