#!/usr/bin/env bash
# Runs the GPU kernels' tests and benchmarks on this machine and prints one table.
#   --build      build tests_gpu with preset cuda first (the default where --bin is not given)
#   --bin DIR    take DIR/tests_gpu or DIR/tests/tests_gpu; the shared libraries may lie beside it or in the folder above
#   --sanitize   also run the tests under compute-sanitizer's memory checker (slow)
# Exit status: 0 all passed, 1 a test failed, 2 usage, 10 no GPU here.
set -euo pipefail
cd "$(dirname "$0")/.."
bin='' sanitize=false
usage_text() { sed -n '2,6s/^# \{0,1\}//p' "$0"; }
usage() { usage_text >&2; exit 2; }
while (($#)); do
  case $1 in
    --build) bin='' ;;
    -h | --help) usage_text; exit 0 ;;
    --bin) [ $# -ge 2 ] || usage; bin=$(cd "$OLDPWD" && realpath -m "$2"); shift ;;
    --sanitize) sanitize=true ;;
    *) usage ;;
  esac
  shift
done
say() { printf 'gpu-check: %s\n' "$*" >&2; }

if ! command -v nvidia-smi >/dev/null; then
  say "this machine must have an NVIDIA GPU and its driver, and there is no nvidia-smi; nothing was tested"
  exit 10
fi
if ! gpus=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>&1) || [ -z "$gpus" ]; then
  say "this machine must have an NVIDIA GPU and its driver, and nvidia-smi says: ${gpus:-nothing}; nothing was tested"
  exit 10
fi
if [ -z "$bin" ]; then
  SSLRUN_TORCH_DIR=$(scripts/setup.sh)
  export SSLRUN_TORCH_DIR
  arch=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1 | tr -d .)
  say "building tests_gpu for sm_$arch"
  cmake --preset cuda "-DCMAKE_CUDA_ARCHITECTURES=$arch-real" >&2
  cmake --build --preset cuda --target tests_gpu -j "$(nproc)" >&2
  bin=build/cuda/tests
fi
[ -x "$bin/tests_gpu" ] || bin=$bin/tests
tests=$bin/tests_gpu
[ -x "$tests" ] || { say "--bin must name a folder with tests_gpu, and there is no '$tests'; --build makes one"; exit 2; }
export LD_LIBRARY_PATH="$bin:$bin/..${SSLRUN_TORCH_DIR:+:$SSLRUN_TORCH_DIR/lib}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
status=0
say "tests"
"$tests" >"$out/tests.txt" 2>&1 || status=1
grep -vE '^(MEASURED|BENCH)\|' "$out/tests.txt" >&2 || true
if $sanitize; then
  say "tests under compute-sanitizer"
  compute-sanitizer --error-exitcode 1 "$tests" >"$out/memcheck.txt" 2>&1 || { status=1; grep -v '^MEASURED|' "$out/memcheck.txt" >&2 || true; }
fi
say "benchmarks"
"$tests" '[bench]' >"$out/bench.txt" 2>&1 || { status=1; cat "$out/bench.txt" >&2; }

printf '%s\n' "$gpus" | sed 's/^/GPU: /'
printf 'commit: %s\n' "$(git describe --always --dirty 2>/dev/null || echo unknown)"
awk -F'|' -v memcheck="$sanitize" '
  function line(a, b, c, d, e) { printf "%-30s %-30s %12s %-16s %s\n", a, b, c, d, e }
  /^MEASURED\|/ { if (!m++) line("kernel", "quantity", "measured", "allowed", ""); line($2, $3, $4, $5, $4 + 0 <= $5 + 0 ? "ok" : "ABOVE") }
  /^BENCH\|/ { if (!b++) { print ""; line("kernel", "shape", "ms", "rate", "") } line($2, $3, $4, $5, $6) }
' "$out/tests.txt" "$out/bench.txt"
grep -hE '^(All tests passed|test cases:)' "$out/tests.txt" || true
if [ "$status" = 0 ]; then echo "all passed"; else echo "FAILED"; fi
exit "$status"
