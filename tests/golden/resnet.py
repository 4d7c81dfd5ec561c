#!/usr/bin/env python3
"""Makes resnet.json and safetensors.json: outputs of torchvision's ResNet in float64 and bytes of the reference safetensors
writer. Needs torch, torchvision, safetensors.  usage: resnet.py (writes beside itself)"""
import json
import math
import pathlib

import numpy as np
import safetensors
import safetensors.torch
import torch
import torchvision

HERE = pathlib.Path(__file__).resolve().parent


def wave(shape, ordinal):
    """The formula that the C++ test repeats: element k of tensor `ordinal` is sin(12.9898 k + ordinal)."""
    k = np.arange(int(np.prod(shape)) if shape else 1, dtype=np.float64)
    return torch.from_numpy(np.sin(12.9898 * k + ordinal).reshape(shape))


def set_weights(model):
    for ordinal, (name, t) in enumerate(model.state_dict().items()):
        if t.dim() == 4:
            t.copy_(math.sqrt(2 / (t[0].numel())) * wave(t.shape, ordinal))
        elif name.endswith("num_batches_tracked"):
            t.zero_()
        elif name.endswith("weight") or name.endswith("running_var"):
            t.copy_(1 + 0.2 * wave(t.shape, ordinal))
        else:
            t.copy_(0.1 * wave(t.shape, ordinal))


def compact(names):
    """Without the third block of a stage and those after it, which are like the second."""
    kept = {}
    for name, shape in names.items():
        layer, block, *rest = name.split(".") if name.startswith("layer") else ("", "0")
        if int(block) < 2:
            kept[name] = shape
        else:
            assert kept[".".join([layer, "1", *rest])] == shape
    return kept


def case(depth, stem, widening=1):
    model = getattr(torchvision.models, f"resnet{depth}" if widening == 1 else f"wide_resnet{depth}_{widening}")().double()
    model.fc = torch.nn.Identity()
    if stem == "cifar":
        model.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False).double()
        model.maxpool = torch.nn.Identity()
    names = {name: list(t.shape) for name, t in model.state_dict().items()}
    parameters = sum(p.numel() for p in model.parameters())
    set_weights(model)
    size = 32 if stem == "cifar" else 64
    x = wave((4, 3, size, size), 1000)
    model.eval()
    with torch.no_grad():
        evaluated = model(x)
    out = {"depth": depth, "stem": stem, "widening": widening, "size": size, "parameters": parameters,
           "blocks": [len(getattr(model, f"layer{i}")) for i in range(1, 5)], "state": compact(names),
           "eval": evaluated[0, :16].tolist(), "eval_rms": evaluated.pow(2).mean().sqrt().item()}
    if depth > 50 or widening > 1:  # the same blocks, more or wider ones
        return out
    model.train()
    y = model(x)
    (y * wave(y.shape, 2000)).sum().backward()
    return out | {"train": y[0, :16].detach().tolist(), "train_rms": y.detach().pow(2).mean().sqrt().item(),
                  "conv1_grad": model.conv1.weight.grad.flatten()[:16].tolist(),
                  "conv1_grad_rms": model.conv1.weight.grad.pow(2).mean().sqrt().item(),
                  "running_mean": model.bn1.running_mean[:8].tolist(), "running_var": model.bn1.running_var[:8].tolist()}


def main():
    cases = [case(18, "imagenet"), case(18, "cifar"), case(34, "imagenet"), case(50, "imagenet"), case(101, "imagenet"),
             case(152, "imagenet"), case(50, "imagenet", widening=2)]
    made_by = f"tests/golden/resnet.py, torchvision {torchvision.__version__.split('+')[0]}, float64"
    (HERE / "resnet.json").write_text(json.dumps({"made_by": made_by, "cases": cases}) + "\n")
    tensors = {"b.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3), "a.count": torch.tensor(7),
               "c.half": torch.tensor([1.5, -2], dtype=torch.float16), "a.bf": torch.tensor([3.0], dtype=torch.bfloat16),
               "d.flag": torch.tensor([True, False, True]), "a.double": torch.tensor([0.1], dtype=torch.float64),
               "e.empty": torch.zeros(0, 4), "f.i32": torch.tensor([[-5]], dtype=torch.int32),
               "g.u8": torch.tensor([250], dtype=torch.uint8), "h.i8": torch.tensor([-3], dtype=torch.int8),
               "i.i16": torch.tensor([-300], dtype=torch.int16)}
    data = safetensors.torch.save(tensors, metadata={"format": "pt"})
    made_by = f"tests/golden/resnet.py, safetensors {safetensors.__version__}"
    (HERE / "safetensors.json").write_text(json.dumps({"made_by": made_by, "hex": data.hex()}) + "\n")


if __name__ == "__main__":
    main()
