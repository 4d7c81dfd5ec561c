#!/usr/bin/env python3
"""Makes convnext.json: names, shapes, outputs and gradients of timm's ConvNeXt in float64. Needs torch, timm.
usage: convnext.py (writes beside itself)"""
import json
import math
import pathlib

import numpy as np
import timm
import torch

HERE = pathlib.Path(__file__).resolve().parent


def wave(shape, ordinal):
    """The formula that the C++ test repeats: element k of tensor `ordinal` is sin(12.9898 k + ordinal)."""
    k = np.arange(int(np.prod(shape)), dtype=np.float64)
    return torch.from_numpy(np.sin(12.9898 * k + ordinal).reshape(shape))


@torch.no_grad()
def set_weights(model):
    for ordinal, (name, t) in enumerate(model.state_dict().items()):
        scale = 1 / math.sqrt(t[0].numel()) if t.dim() > 1 else 0.5
        t.copy_(scale * wave(t.shape, ordinal) + (1 if t.dim() == 1 and name.endswith("weight") else 0))


def small():
    model = timm.models.convnext.ConvNeXt(depths=(1, 2, 1, 1), dims=(8, 16, 32, 64), num_classes=0).double()
    set_weights(model)
    y = model(wave((2, 3, 64, 40), 1000))
    (y * wave(y.shape, 2000)).sum().backward()
    return {"features": y.flatten().tolist(), "grads": {n: {"rms": p.grad.pow(2).mean().sqrt().item(),
                                                            "head": p.grad.flatten()[:4].tolist()}
                                                        for n, p in model.named_parameters()}}


def family(name):
    with torch.device("meta"):
        model = timm.create_model(name, num_classes=0)
    depths = [len(stage.blocks) for stage in model.stages]
    shapes = {n: list(t.shape) for n, t in model.state_dict().items()}
    first = {}
    for n, s in shapes.items():
        if ".blocks." not in n:
            first[n] = s
            continue
        _, stage, _, _, *rest = n.split(".")
        key = ".".join(["stages", stage, "blocks", "0", *rest])
        assert first.setdefault(key, s) == s
    return {"name": name, "depths": depths, "parameters": sum(p.numel() for p in model.parameters()), "first": first}


def main():
    out = {"made_by": f"tests/golden/convnext.py, timm {timm.__version__}, float64", "small": small(),
           "family": [family("convnext_tiny"), family("convnext_small")]}
    (HERE / "convnext.json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
