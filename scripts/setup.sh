#!/usr/bin/env bash
# Makes this machine able to build sslrun: system packages, then LibTorch 2.11.0 unpacked once. Safe to run again; asks nothing.
#   --core           only what the half without LibTorch needs
#   --tests          also what only tests need: clang with libFuzzer, Slurm's daemons (left out where this system has no such package)
#   SSLRUN_DEPS      where LibTorch is unpacked            (default: ~/.cache/sslrun)
#   SSLRUN_TORCH_DIR a LibTorch that is there already       (nothing is fetched)
# Prints the LibTorch folder on its last line of stdout; everything else goes to stderr.
set -euo pipefail
deps=${SSLRUN_DEPS:-$HOME/.cache/sslrun}
packages=(build-essential cmake ninja-build ccache pkg-config unzip python3 python3-pip python3-venv
  libfmt-dev libspdlog-dev libyaml-cpp-dev libcli11-dev catch2 nlohmann-json3-dev libxxhash-dev libgloo-dev
  libjpeg-dev libpng-dev libwebp-dev libtiff-dev libgif-dev zlib1g-dev
  dataset-fashion-mnist)
say() { printf 'setup: %s\n' "$*" >&2; }
if [ "${1:-}" = --tests ] && [ "$(id -u)" = 0 ]; then
  command -v clang++ >/dev/null && command -v slurmctld >/dev/null || apt-get update -qq >&2
  for package in clang libclang-rt-dev slurmctld slurmd slurm-client munge; do
    if apt-cache show "$package" >/dev/null 2>&1; then packages+=("$package"); fi
  done
fi

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if ((${#missing[@]})); then
  if [ "$(id -u)" != 0 ]; then
    say "these packages are missing; run this line, then this script again:"
    say "  sudo apt-get install -y ${missing[*]}"
    exit 2
  fi
  say "installing ${#missing[@]} packages with apt (about a minute): ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >&2
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
fi
[ "${1:-}" = --core ] && exit 0

if [ -n "${SSLRUN_TORCH_DIR:-}" ]; then
  [ -e "$SSLRUN_TORCH_DIR/lib/libtorch_cpu.so" ] ||
    { say "SSLRUN_TORCH_DIR must hold lib/libtorch_cpu.so, got '$SSLRUN_TORCH_DIR'"; exit 2; }
  printf '%s\n' "$SSLRUN_TORCH_DIR"
  exit 0
fi

root=$deps/libtorch-2.11.0
# wheel and its SHA-256: the CPU half needs LibTorch, the CUDA runtime (0.7 MB) and CUPTI (4 MB); no GPU, no toolkit.
wheels=(
  "torch==2.11.0 7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a"
  "nvidia-cuda-runtime==13.0.96 7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548"
  "nvidia-cuda-cupti==13.0.85 4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8"
)
if [ ! -e "$root/.complete" ]; then
  say "fetching LibTorch 2.11.0 (about 550 MB) into $root"
  mkdir -p "$deps"
  work=$(mktemp -d "$deps/fetch.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  python3 -m venv "$work/venv"
  platforms=()
  for tag in manylinux_2_28 manylinux_2_27 manylinux_2_25 manylinux_2_17 manylinux2014; do
    platforms+=(--platform "${tag}_x86_64")
  done
  mkdir "$work/tree"
  for wheel in "${wheels[@]}"; do
    read -r name sha <<<"$wheel"
    printf '%s --hash=sha256:%s\n' "$name" "$sha" >"$work/one.txt"
    "$work/venv/bin/pip" download -q --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.11 \
      "${platforms[@]}" --require-hashes -r "$work/one.txt" -d "$work/wheels" >&2
  done
  for file in "$work"/wheels/*.whl; do
    unzip -q -o "$file" 'torch/include/*' 'torch/lib/*' 'torch/share/*' 'nvidia/*' '*.dist-info/*' -d "$work/tree" 2>/dev/null ||
      [ $? -eq 11 ] || { say "cannot unpack $file: is the disk full?"; exit 8; }
  done
  touch "$work/tree/.complete"
  rm -rf "$root"
  mv "$work/tree" "$root"
  say "LibTorch is ready"
fi
printf '%s\n' "$root/torch"
