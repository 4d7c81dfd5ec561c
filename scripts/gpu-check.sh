#!/usr/bin/env bash
# On a machine with a GPU: compares every CUDA kernel with its CPU twin on the same inputs, times the kernels, prints one table.
#   --bin DIR   a build folder that holds tests/tests_gpu (default: build/cuda, built when it is not there)
#   --build     build in any case (preset cuda)
# Exit status: 0 all equal · 1 a kernel differs · 2 usage · 10 no GPU.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=build/cuda
build=
while [ $# -gt 0 ]; do
  case $1 in
    --bin) bin=${2:?--bin must be followed by a folder}; shift 2 ;;
    --build) build=yes; shift ;;
    -h | --help) sed -n '2,5p' "$0"; exit 0 ;;
    *) printf 'gpu-check: unknown option %s; see --help\n' "$1" >&2; exit 2 ;;
  esac
done
if ! command -v nvidia-smi >/dev/null || ! nvidia-smi -L >/dev/null 2>&1; then
  echo "gpu-check: a GPU and its driver must be there, and nvidia-smi finds none; nothing was checked" >&2
  exit 10
fi
if [ -n "$build" ] || [ ! -x "$bin/tests/tests_gpu" ]; then
  [ "$bin" = build/cuda ] || { echo "gpu-check: '$bin' must hold tests/tests_gpu" >&2; exit 2; }
  SSLRUN_TORCH_DIR=$(scripts/setup.sh)
  export SSLRUN_TORCH_DIR
  cmake --preset cuda
  cmake --build --preset cuda -j "$(nproc)" --target tests_gpu
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
"$bin/tests/tests_gpu" '[gpu]' >"$log" 2>&1 || status=1
printf '== GPU check, %s\n' "$(date -u +%Y-%m-%dT%H:%MZ)"
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader | sed 's/^/gpu     /'
printf 'commit  %s\n' "$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)"
tail -n 2 "$log" | sed '/^ *$/d; s/^/tests   /'
"$bin/tests/tests_gpu" '[bench]' 2>&1 | grep '^kernel' || { echo "kernel  the benchmarks did not run"; status=1; }
[ $status = 0 ] || cat "$log"
exit $status
