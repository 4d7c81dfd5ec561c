#!/usr/bin/env python3
"""House lint: what the compiler does not see. Standard library only; prints every finding, exits 1 if there is one."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# A folder may include only folders of a lower layer (and itself).
LAYERS = {"base": 0, "launch": 1, "metrics": 1, "kernels": 1, "config": 1, "image": 1, "data": 2, "dist": 2, "views": 3, "recipe": 4, "ops": 3,
          "nn": 4, "optim": 5, "encoders": 5, "checkpoint": 6, "methods": 6, "eval": 7, "train": 8, "bench": 9,
          "engine": 10, "app": 11, "tests": 12}
CORE = {"base", "launch", "metrics", "kernels", "config", "image", "data", "views", "recipe"}
BANNED = {"ATen/ATen.h", "torch/types.h", "torch/torch.h", "torch/extension.h"}
INCLUDE = re.compile(r'^\s*#include\s+(["<])([^">]+)[">]', re.M)


def folder_of(path):
    parts = path.relative_to(ROOT).parts
    return parts[1] if parts[0] == "src" else parts[0]


def findings(path):
    text = path.read_text(encoding="utf-8")
    folder = folder_of(path)
    lines = text.count("\n")
    if lines > 600:
        yield f"{lines} lines: does the file hold one concept?"
    if not text.isascii():
        yield "code must be ASCII"
    for kind, name in INCLUDE.findall(text):
        first = name.split("/")[0]
        if name in BANNED:
            yield f"<{name}> costs 10 s to compile: include the per-operator header"
        if folder in CORE and re.match(r"(ATen|c10|torch)/", name):
            yield f"<{name}>: the core holds no LibTorch"
        config_header = name.endswith("_config.h") or name.endswith("_configs.h")
        if kind == '"' and first in LAYERS and first != folder and not config_header:
            if LAYERS[first] >= LAYERS.get(folder, 10):
                yield f'"{name}": {folder} (layer {LAYERS[folder]}) may not use {first} (layer {LAYERS[first]})'
    if "<<<" in text and path.name != "launch.cuh":
        yield "kernels are launched by kernels/cuda/launch.cuh alone"
    if re.search(r"\bgetenv\s*\(", text) and path.name != "env.cpp":
        yield "the environment is read by base/env.h alone"
    for match in re.finditer(r"\b(TODO|FIXME|XXX)\b(?!\(#\d+\))", text):
        yield f"{match.group(1)} without an issue number"
    if re.search(r"catch2/", text) and "tests/support" not in str(path):
        yield 'include "tests/support/catch.h"'


def main():
    tracked = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True,
                             check=True).stdout.split("\n")
    bad = 0
    for name in tracked:
        path = ROOT / name
        if path.suffix in {".h", ".cpp", ".cu", ".cuh"} and path.is_file():
            for finding in findings(path):
                print(f"{name}: {finding}")
                bad += 1
    print(f"check_tree: {bad} findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
