#!/usr/bin/env bash
# From a fresh machine to a pretrained encoder and its accuracy: packages, LibTorch, build, SimCLR on Fashion-MNIST, evaluation.
# Safe to run again: what is there already is kept, and training starts in seconds. Asks nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
begun=$SECONDS
step() { printf '\n== %s\n' "$*"; }
took() { printf '   done in %d s\n' "$((SECONDS - start))"; }

step "1/5 packages and LibTorch 2.11.0 (about 3 minutes the first time, 550 MB; a second when they are there)"
start=$SECONDS
SSLRUN_TORCH_DIR=$(scripts/setup.sh)
export SSLRUN_TORCH_DIR
took

step "2/5 build (about 5 minutes on 2 cores the first time; seconds when nothing changed)"
start=$SECONDS
log=$(mktemp)
trap 'rm -f "$log"' EXIT
cmake --preset release >"$log" 2>&1 || { cat "$log"; exit 1; }
cmake --build --preset release -j "$(nproc)" --target sslrun sslrun_engine
took

step "3/5 pretrain: SimCLR on 60,000 images without their labels (1 to 3 minutes on 2 cores)"
start=$SECONDS
again=()
if grep -qs '"state": "done"' runs/quickstart/status.json; then again=(--overwrite); fi
build/release/sslrun pretrain configs/quickstart.yaml "${again[@]}"
took

step "4/5 linear probe: a linear classifier on the frozen features (some seconds)"
start=$SECONDS
build/release/sslrun linear-probe runs/quickstart
took

step "5/5 k-NN: the same features, no training at all (some seconds)"
start=$SECONDS
build/release/sslrun knn runs/quickstart
took

printf '\nAll of it took %d s. The run is in runs/quickstart: metrics.jsonl, tensorboard/, previews/, checkpoints/.\nNext:\n' "$((SECONDS - begun))"
cat <<'NEXT'
  build/release/sslrun pretrain configs/quickstart.yaml --set schedule.epochs=40 --out runs/longer   train longer
  build/release/sslrun config init my.yaml                                                         a recipe for your own images
  build/release/sslrun list recipes                                                                recipes that come with sslrun
  build/release/sslrun --help                                                                      all commands
NEXT
