#!/usr/bin/env python3
"""Makes soft_targets.json: the official loss code of SwAV, DINO, iBOT and DINOv2, executed in float64 on the matrices of
tests/ops/golden.h. Needs torch, and folders with a checkout of each repository (facebookresearch/swav 06b1b7c,
facebookresearch/dino 7c446df, bytedance/ibot da316d8, facebookresearch/dinov2 b8931f7).
usage: soft_targets.py SWAV DINO IBOT DINOV2 (writes beside itself)"""
import ast
import json
import math
import pathlib
import sys
import types

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent
torch.set_default_dtype(torch.float64)


def wave(n, d, s):
    i, j = torch.arange(n).view(-1, 1), torch.arange(d).view(1, -1)
    return torch.sin(s + 0.7 * i + 1.3 * j + 0.11 * i * j)


def official(path, *names, **values):
    """The named definitions of a file, without its imports; one process, so its collectives do nothing."""
    alone = types.SimpleNamespace(all_reduce=lambda *a, **k: None, get_world_size=lambda: 1, is_initialized=lambda: False)
    scope = dict(torch=torch, nn=nn, F=F, np=np, math=math, dist=alone, **values)
    tree = ast.parse(pathlib.Path(path).read_text())
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name in names:
            exec(compile(ast.Module([node], []), str(path), "exec"), scope)
    return [scope[name] for name in names]


def main(swav, dino, ibot, dinov2):
    out = {}
    args = types.SimpleNamespace(epsilon=0.03, sinkhorn_iterations=4, world_size=1)
    sinkhorn, = official(f"{swav}/main_swav.py", "distributed_sinkhorn", args=args)
    out["sinkhorn"] = sinkhorn(wave(7, 5, 1.7)).tolist()

    loss, = official(f"{dino}/main_dino.py", "DINOLoss")
    dino_loss = loss(6, 5, 0.05, 0.09, 4, 10, student_temp=0.2, center_momentum=0.8)
    dino_loss.center = wave(1, 6, 0.3) * 0.1
    student = wave(5 * 3, 6, 2.2).requires_grad_()
    value = dino_loss(student, wave(2 * 3, 6, 0.7), epoch=2)
    value.backward()
    out["dino"] = {"loss": value.item(), "gradient": student.grad.tolist(), "center": dino_loss.center[0].tolist(),
                   "temperatures": dino_loss.teacher_temp_schedule.tolist()}

    loss, = official(f"{ibot}/main_ibot.py", "iBOTLoss")
    ibot_loss = loss(6, 5, 2, 2, 0.05, 0.05, 0.04, 0.08, 3, 10)
    mask = torch.tensor([[[1, 0], [0, 1], [1, 1]], [[0, 0], [0, 0], [0, 0]], [[0, 1], [0, 0], [0, 0]]]).bool()
    patches = wave(2 * 3 * 6, 5, 1.1).view(2 * 3, 6, 5).requires_grad_()
    terms = ibot_loss((wave(2 * 3, 6, 0.9), patches), (wave(2 * 3, 6, 1.9), wave(2 * 3 * 6, 5, 0.2).view(2 * 3, 6, 5)),
                      wave(2 * 3, 6, 2.9), [mask, mask.flip(0)], epoch=1)
    terms["loss"].backward()
    out["ibot"] = {"cls": terms["cls"].item(), "patch": terms["patch"].item(), "gradient": patches.grad.flatten(0, 1).tolist(),
                   "center": ibot_loss.center[0].tolist(), "patch_center": ibot_loss.center2[0, 0].tolist()}

    koleo, = official(f"{dinov2}/dinov2/loss/koleo_loss.py", "KoLeoLoss")
    rows = wave(7, 5, 0.6).requires_grad_()
    value = koleo()(rows)
    value.backward()
    out["koleo"] = {"loss": value.item(), "gradient": rows.grad.tolist()}

    # The losses call .float(): kept in float64 here.
    single, torch.Tensor.float = torch.Tensor.float, lambda x: x.double()
    patch_loss, = official(f"{dinov2}/dinov2/loss/ibot_patch_loss.py", "iBOTPatchLoss",
                           lossfunc=lambda t, s, temp: torch.sum(t * F.log_softmax(s / temp, dim=-1), dim=-1))
    flat = torch.stack([mask, mask.flip(0)]).view(6, 6)
    count = torch.tensor([int(flat.sum())])
    masked = patch_loss(5)
    targets = masked.sinkhorn_knopp_teacher(wave(int(count), 5, 0.2), 0.06, count)
    out["dinov2_patch"] = {
        "targets": targets.tolist(),
        "loss": masked.forward_masked(wave(int(count), 5, 1.1), targets, flat, int(count)).item()}
    torch.Tensor.float = single
    (HERE / "soft_targets.json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
