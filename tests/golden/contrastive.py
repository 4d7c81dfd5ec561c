#!/usr/bin/env python3
"""Makes contrastive.json: values and gradients of the official DCL, DCLW (lightly 1.6.0, loss/dcl_loss.py) and supervised
contrastive (HobbitLong/SupContrast 66a8fe5, losses.py) losses, executed in float64 on the matrices of tests/ops/golden.h.
Needs torch, lightly and that losses.py.  usage: contrastive.py LOSSES.PY (writes beside itself)"""
import importlib.util
import json
import pathlib
import sys

import torch
from lightly.loss.dcl_loss import DCLLoss, DCLWLoss

HERE = pathlib.Path(__file__).resolve().parent
torch.set_default_dtype(torch.float64)
LABELS = [2, 0, 2, 1, 0, 2, 1, 1, 2]


def wave(n, d, s):
    i, j = torch.arange(n).view(-1, 1), torch.arange(d).view(1, -1)
    return torch.sin(s + 0.7 * i + 1.3 * j + 0.11 * i * j)


def record(loss, n, d):
    """loss of two views [n, d]: the value and the gradient of both, view by view."""
    views = [wave(n, d, s).requires_grad_() for s in (0.1, 0.5)]
    value = loss(*views)
    value.backward()
    return {"n": n, "d": d, "loss": value.item(), "gradient": torch.cat([v.grad for v in views]).tolist()}


def main(path):
    spec = importlib.util.spec_from_file_location("supcontrast", path)
    supcontrast = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(supcontrast)
    out = {"dcl": [], "dclw": [], "supcon": []}
    for n, d, temperature in ((4, 8, 0.1), (9, 5, 0.5)):
        out["dcl"].append({"temperature": temperature, **record(DCLLoss(temperature), n, d)})
        for sigma in (0.5, 0.2):
            case = record(DCLWLoss(temperature, sigma), n, d)
            out["dclw"].append({"temperature": temperature, "sigma": sigma, **case})
        # base_temperature: without it the official value is temperature / 0.07 times the paper's.
        official = supcontrast.SupConLoss(temperature, base_temperature=temperature)
        labels = torch.tensor(LABELS[:n])
        case = record(lambda a, b: official(torch.stack([torch.nn.functional.normalize(v, dim=1) for v in (a, b)], 1),
                                            labels), n, d)
        out["supcon"].append({"temperature": temperature, "labels": LABELS[:n], **case})
    (HERE / "contrastive.json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
