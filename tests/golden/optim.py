#!/usr/bin/env python3
"""Makes optim.json: parameters after each of five steps of torch.optim.SGD and AdamW and of LARS, in float64. LARS is the class
of facebookresearch/moco-v3 (moco/optimizer.py) restated in numpy. Needs torch and numpy.  usage: optim.py (writes beside
itself)"""
import json
import pathlib

import numpy as np
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


def run_torch(make, weight_decay, decay_1d, rules=None):
    rules = rules or {}
    parameters = {name: torch.tensor(w).requires_grad_() for name, w in start().items()}
    groups = [{"params": [p], "name": name, "weight_decay": weight_decay if p.dim() > 1 or decay_1d else 0.0}
              for name, p in parameters.items()]
    optimizer = make(groups)
    for step in range(len(RATES)):
        for group in optimizer.param_groups:
            group["lr"] = rate_of(rules.get(group["name"], {}), step)
        for name, p in parameters.items():
            frozen = step < rules.get(name, {}).get("frozen_steps", 0)
            p.grad = None if frozen else torch.tensor(gradient(name, step))
        optimizer.step()
        yield {name: p.detach().flatten().tolist() for name, p in parameters.items()}


def run_lars(momentum, trust_coefficient, weight_decay):
    parameters = start()
    buffers = {name: np.zeros(shape) for name, shape in SHAPES.items()}
    for step, rate in enumerate(RATES):
        for name, p in parameters.items():
            d = gradient(name, step)
            if p.ndim > 1:
                d = d + weight_decay * p
                p_norm, d_norm = np.linalg.norm(p), np.linalg.norm(d)
                d = d * (trust_coefficient * p_norm / d_norm if p_norm > 0 and d_norm > 0 else 1.0)
            buffers[name] = momentum * buffers[name] + d
            parameters[name] = p - rate * buffers[name]
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
    for trust_coefficient, weight_decay in [(1e-3, 1e-6), (0.02, 0.1)]:
        steps = list(run_lars(0.9, trust_coefficient, weight_decay))
        cases.append({"name": "lars", "momentum": 0.9, "trust_coefficient": trust_coefficient, "weight_decay": weight_decay,
                      "steps": steps})
    made_by = f"tests/golden/optim.py, torch {torch.__version__.split('+')[0]}, float64"
    content = {"made_by": made_by, "shapes": SHAPES, "rates": RATES, "peak": PEAK, "cases": cases}
    (HERE / "optim.json").write_text(json.dumps(content) + "\n")


if __name__ == "__main__":
    main()
