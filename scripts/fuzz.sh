#!/usr/bin/env bash
# Fuzzes every target of tests/fuzz, two at a time; fails on a crash, a leak, an answer that takes 20 s or 2 GiB.
#   scripts/fuzz.sh [SECONDS [NAME...]]    seconds for each target (default 5), which targets (default all)
# The seed is fixed: a change that breaks something breaks it each time. SSLRUN_FUZZ_SEED=0 draws one, to search further.
# What it learns is kept in build/fuzz/corpus; an input that breaks something lies in build/fuzz/found:
#   build/fuzz/tests/fuzz/fuzz_NAME build/fuzz/found/NAME-...    runs it again
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-5}
shift || true
if ! echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' |
  clang++ -x c++ - -fsanitize=fuzzer,address -o /dev/null 2>/dev/null; then
  echo "SKIPPED: fuzz targets: clang with libFuzzer is not installed"
  exit 0
fi
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz -j "$(nproc)" >/dev/null
mkdir -p build/fuzz/found
if [ -w /dev/shm ]; then export TMPDIR=/dev/shm; fi  # targets that read files write them first
one() {
  local name=$1 log=build/fuzz/$1.log
  mkdir -p "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name"
  if "build/fuzz/tests/fuzz/fuzz_$name" -seed="${SSLRUN_FUZZ_SEED:-1}" -max_total_time="$2" -timeout=20 -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/found/$name-" "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name" >"$log" 2>&1; then
    echo "fuzz $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs"
  else
    tail -n 40 "$log"
    echo "FAILED: fuzz $name"
    return 1
  fi
}
export -f one
(($#)) || set -- $(find build/fuzz/tests/fuzz -maxdepth 1 -name 'fuzz_*' -type f -executable -printf '%f\n' | sed 's/^fuzz_//' | sort)
printf '%s\n' "$@" | xargs -P 2 -I{} bash -c 'one {} '"$seconds"
