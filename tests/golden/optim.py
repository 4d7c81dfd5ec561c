#!/usr/bin/env python3
"""Makes optim.json: parameters after each of five steps of torch.optim.SGD and AdamW, of timm's LAMB and of LARS, in float64.
LARS is the class of facebookresearch/moco-v3 (moco/optimizer.py) restated in numpy; with separate norms, that of
NVIDIA/apex apex/parallel/LARC.py and solo-learn solo/utils/lars.py. Needs torch, timm and numpy.  usage: optim.py (writes beside
itself)"""
import json
import math
import pathlib

import numpy as np
import timm
import timm.optim
import torch

HERE = pathlib.Path(__file__).resolve().parent
SHAPES = {"conv.weight": (3, 2, 2, 2), "fc.weight": (3, 7), "fc.bias": (3,), "zero.weight": (2, 3), "scale": ()}
RATES = [0.0, 0.05, 0.1, 0.07, 0.02]
PEAK = 0.1
RULES = {"conv.weight": {"lr_scale": 0.5}, "fc.weight": {"frozen_steps": 2}, "fc.bias": {"constant_lr": True},
         "scale": {"frozen_steps": 1, "zero_lr_steps": 3, "lr_scale": 0.25}}


def wave(shape, ordinal):
    """The formula that the C++ test repeats: element k of tensor `ordinal` is sin(12.9898 k + ordinal)."""
    k = np.arange(int(np.prod(shape)), dtype=np.float64)
    return np.sin(12.9898 * k + ordinal).reshape(shape)


def start():
    return {name: np.zeros(shape) if name.startswith("zero") else 0.5 * wave(shape, i)
            for i, (name, shape) in enumerate(SHAPES.items())}


def gradient(name, step):
    return wave(SHAPES[name], 100 + 10 * step + list(SHAPES).index(name))


def rate_of(rule, step):
    rate = PEAK if rule.get("constant_lr") else RATES[step]
    return (0.0 if step < rule.get("zero_lr_steps", 0) else rate) * rule.get("lr_scale", 1)


def run_torch(make, weight_decay, decay_1d, rules=None, weight_decay_end=None):
    rules = rules or {}
    parameters = {name: torch.tensor(w).requires_grad_() for name, w in start().items()}
    groups = [{"params": [p], "name": name, "weight_decay": weight_decay if p.dim() > 1 or decay_1d else 0.0}
              for name, p in parameters.items()]
    optimizer = make(groups)
    for step in range(len(RATES)):
        for group in optimizer.param_groups:
            group["lr"] = rate_of(rules.get(group["name"], {}), step)
            if weight_decay_end is not None and group["weight_decay"] > 0:
                group["weight_decay"] = weight_decay_end + 0.5 * (weight_decay - weight_decay_end) * (
                    1 + math.cos(math.pi * step / len(RATES)))
        for name, p in parameters.items():
            frozen = step < rules.get(name, {}).get("frozen_steps", 0)
            p.grad = None if frozen else torch.tensor(gradient(name, step))
        optimizer.step()
        yield {name: p.detach().flatten().tolist() for name, p in parameters.items()}


def trust(p, g, rate, c):
    """The scaled direction of one tensor."""
    d = g + c["weight_decay"] * p
    if c["trust_ratio"] == "joint":
        p_norm, norm = np.linalg.norm(p), np.linalg.norm(d)
        divisor = norm
    else:
        p_norm, norm = np.linalg.norm(p), np.linalg.norm(g)
        divisor = norm + c["weight_decay"] * p_norm + 1e-8
    if p_norm == 0 or norm == 0:
        return d if c["trust_ratio"] == "joint" else g
    ratio = c["trust_coefficient"] * p_norm / divisor
    if c["clip_lr"]:
        ratio = min(ratio / rate, 1) if rate > 0 else 1
    return d * ratio


def run_lars(c):
    parameters = start()
    buffers = {name: np.zeros(shape) for name, shape in SHAPES.items()}
    for step, rate in enumerate(RATES):
        for name, p in parameters.items():
            own = rate * (c["lr_scale_1d"] if p.ndim <= 1 else 1)
            d = gradient(name, step)
            if p.ndim > 1 or not c["exclude_1d"]:
                d = trust(p, d, own, c)
            buffers[name] = c["momentum"] * buffers[name] + d
            parameters[name] = p - own * buffers[name]
        yield {name: np.ravel(p).tolist() for name, p in parameters.items()}


def main():
    cases = []
    for momentum, nesterov, weight_decay, decay_1d in [(0.9, False, 0.01, True), (0.9, True, 0.01, False), (0.0, False, 0.02, True)]:
        steps = list(run_torch(lambda g: torch.optim.SGD(g, lr=1.0, momentum=momentum, nesterov=nesterov), weight_decay, decay_1d))
        cases.append({"name": "sgd", "momentum": momentum, "nesterov": nesterov, "weight_decay": weight_decay,
                      "decay_1d": decay_1d, "steps": steps})
    for beta1, beta2, eps, weight_decay, decay_1d in [(0.9, 0.999, 1e-8, 0.05, False), (0.9, 0.95, 1e-6, 0.1, True)]:
        steps = list(run_torch(lambda g: torch.optim.AdamW(g, lr=1.0, betas=(beta1, beta2), eps=eps), weight_decay, decay_1d))
        cases.append({"name": "adamw", "beta1": beta1, "beta2": beta2, "eps": eps, "weight_decay": weight_decay,
                      "decay_1d": decay_1d, "steps": steps})
    for name, make, keys in [
            ("sgd", lambda g: torch.optim.SGD(g, lr=1.0, momentum=0.9), {"momentum": 0.9, "nesterov": False}),
            ("adamw", lambda g: torch.optim.AdamW(g, lr=1.0, betas=(0.9, 0.99)),
             {"beta1": 0.9, "beta2": 0.99, "eps": 1e-8})]:
        steps = list(run_torch(make, 0.05, True, RULES))
        cases.append({"name": name, **keys, "weight_decay": 0.05, "decay_1d": True, "rules": RULES, "steps": steps})
    steps = list(run_torch(lambda g: torch.optim.AdamW(g, lr=1.0), 0.04, False, weight_decay_end=0.4))
    cases.append({"name": "adamw", "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.04, "weight_decay_end": 0.4,
                  "decay_1d": False, "steps": steps})
    for weight_decay, decay_1d in [(0.01, False), (0.1, True), (0.0, False)]:
        steps = list(run_torch(lambda g: timm.optim.Lamb(g, lr=1.0, eps=1e-6, max_grad_norm=None), weight_decay, decay_1d))
        cases.append({"name": "lamb", "beta1": 0.9, "beta2": 0.999, "eps": 1e-6, "weight_decay": weight_decay,
                      "decay_1d": decay_1d, "steps": steps})
    for trust_coefficient, weight_decay, trust_ratio, clip_lr, exclude_1d, lr_scale_1d in [
            (1e-3, 1e-6, "joint", False, True, 1.0),
            (0.02, 0.1, "joint", False, True, 0.024),  # Barlow Twins' rate of biases
            (0.02, 0.1, "separate", True, True, 1.0),  # solo-learn
            (0.001, 0.1, "separate", False, False, 1.0),  # SwAV's LARC
            (0.02, 0.1, "separate", True, False, 1.0)]:  # LARC as apex has it
        c = {"momentum": 0.9, "trust_coefficient": trust_coefficient, "weight_decay": weight_decay, "trust_ratio": trust_ratio,
             "clip_lr": clip_lr, "exclude_1d": exclude_1d, "lr_scale_1d": lr_scale_1d}
        cases.append({"name": "lars", **c, "steps": list(run_lars(c))})
    made_by = f"tests/golden/optim.py, torch {torch.__version__.split('+')[0]}, timm {timm.__version__}, float64"
    content = {"made_by": made_by, "shapes": SHAPES, "rates": RATES, "peak": PEAK, "cases": cases}
    (HERE / "optim.json").write_text(json.dumps(content) + "\n")


if __name__ == "__main__":
    main()
