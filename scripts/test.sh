#!/usr/bin/env bash
# Sets the machine up, builds, and runs every test that this machine can run; prints what was skipped and a closing count.
#   --preset NAME   build preset (default: release)
set -euo pipefail
cd "$(dirname "$0")/.."
preset=release
[ "${1:-}" = --preset ] && preset=$2
torch=$(scripts/setup.sh --tests)
export SSLRUN_TORCH_DIR=$torch
jobs=$(nproc)
say() { printf '== %s\n' "$*"; }

log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() {  # run PRESET [TARGETS TESTS]: configure, build, test
  say "$1: configure, build"
  local start=$SECONDS
  cmake --preset "$1" >"$log" 2>&1 || { cat "$log"; exit 1; }
  cmake --build --preset "$1" -j "$jobs" ${2:+--target $2}
  say "$1: built in $((SECONDS - start)) s; tests"
  ctest --test-dir "build/$1" -j "$jobs" ${3:+-R "$3"} --output-on-failure --verbose >"$log" 2>&1 || { grep -vE '^[0-9]+: *$' "$log" | tail -n 200; exit 1; }
  grep -E '^ *[0-9]+/[0-9]+ Test|tests passed' "$log"
  grep -hoE 'SKIPPED: .*' "$log" | sort | uniq -c >>build/skipped.txt || true
}

python3 scripts/check_tree.py
mkdir -p build
: >build/skipped.txt
run "$preset"
run asan
if [ "${CI:-}" = true ]; then
  run core
  run tsan "tests_base tests_data" '^(base|data)$'  # the loader, the writer in the background, the lock
fi
say "fuzz"
scripts/fuzz.sh "$([ "${CI:-}" = true ] && echo 60 || echo 5)" | tee "$log"
grep -hoE 'SKIPPED: .*' "$log" | sort | uniq -c >>build/skipped.txt || true
say "skipped on this machine: $(wc -l <build/skipped.txt)"
cat build/skipped.txt
say "all tests passed"
