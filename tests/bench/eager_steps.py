#!/usr/bin/env python3
"""Times a training step of each method in eager PyTorch, at the shapes of configs/METHOD.yaml and written as the method's
official code writes it (eager_methods.py), and, with --sslrun, `sslrun bench step --method METHOD` in turn with it on the same
processors. Both count the views of a recipe. What the official code leaves to its data loader, masks among it, is made before
the clock starts; sslrun draws masks within its step. ResNets run in channels_last, optimizers are fused where PyTorch has it,
teachers follow by foreach. A vision transformer is timed with timm's explicit and with its fused attention: the faster counts.

Run with PyTorch 2.11.0 on the CPU, torchvision 0.26.0 and timm 1.0.31.
usage: eager_steps.py --method NAME|all [--threads 2] [--precision bf16|fp32] [--reps 10] [--rounds 3] [--sslrun PATH]
       eager_steps.py --check    losses are finite and fall on the fixed batch while teachers, queues and centres stay as they
                                 are; prints the trained parameters of the encoder and of all"""
import argparse
import itertools
import json
import math
import os
import random
import statistics
import subprocess
import sys
import time

WARM_UP, CHECKED = 3, 20  # steps


def make(method, fused):
    import timm.layers
    import torch
    from eager_methods import METHODS
    torch.manual_seed(0)
    random.seed(0)
    timm.layers.set_fused_attn(fused)
    return METHODS[method]()


def step(training, precision, follow=True):
    import torch
    training.before()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        outputs = training.forward()
    loss = training.criterion(*(out.float() for out in outputs))
    training.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    training.optimizer.step()
    if follow:
        training.after()
    return loss.item()


def has_attention(training):
    return any(hasattr(m, "fused_attn") for m in training.encoder.modules())


def eager(method, args):
    """{"samples": views/s of each step, "attention": the faster one of a vision transformer}."""
    import torch
    torch.set_num_threads(args.threads)
    best = None
    for fused in (False, True):
        training, samples = make(method, fused), []
        for i in range(WARM_UP + args.reps):
            start = time.perf_counter()
            step(training, args.precision)
            samples.append(training.views / (time.perf_counter() - start))
        attention = ("fused" if fused else "explicit") if has_attention(training) else ""
        found = {"samples": samples[WARM_UP:], "attention": attention}
        if best is None or statistics.median(found["samples"]) > statistics.median(best["samples"]):
            best = found
        if not attention:
            break
    return best


def child(command, threads):
    """The first JSON line that a process prints on the first processors of ours."""
    cpus = sorted(os.sched_getaffinity(0))[:threads]
    out = subprocess.run(command, capture_output=True, text=True, preexec_fn=lambda: os.sched_setaffinity(0, cpus))
    if out.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit status {out.returncode}\n{out.stderr}")
    return json.loads(next(line for line in out.stdout.splitlines() if line.startswith("{")))


def ours(method, args):
    found = child([args.sslrun, "bench", "step", "--method", method, "--threads", str(args.threads), "--reps", str(args.reps),
                   "--json"], args.threads)
    precision = found["note"].rsplit(", ", 1)[-1]
    if precision != args.precision:
        sys.exit(f"{method}: sslrun computes in {precision}; run again with --precision {precision}")
    return found


def compare(method, args):
    """One process of each in turn, --rounds times; medians over all steps."""
    mine, theirs, attention = [], [], set()
    command = [sys.executable, os.path.abspath(__file__), "--json", "--method", method, "--threads", str(args.threads),
               "--precision", args.precision, "--reps", str(args.reps)]
    for _ in range(args.rounds):
        found = child(command, args.threads)
        theirs += found["samples"]
        attention.add(found["attention"])
        mine += ours(method, args)["samples"]
    mine, theirs = statistics.median(mine), statistics.median(theirs)
    print(f"{method:16} {mine:9.1f} {theirs:9.1f} {mine / theirs:7.2f}  {'/'.join(sorted(attention))}".rstrip(), flush=True)


def check(method, args):
    training = make(method, False)
    losses = [step(training, args.precision, follow=False) for _ in range(CHECKED)]
    assert all(map(math.isfinite, losses)) and losses[-1] < losses[0], (method, losses)
    everything = itertools.chain(*(group["params"] for group in training.optimizer.param_groups))
    counts = [sum(p.numel() for p in of if p.requires_grad) for of in (training.encoder.parameters(), everything)]
    print(f"{method:16} {counts[0]:9} {counts[1]:9} {losses[0]:9.4f} {losses[-1]:9.4f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="all")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16")
    parser.add_argument("--reps", type=int, default=10, help="timed steps of a process")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each side, with --sslrun")
    parser.add_argument("--sslrun", help="program to compare with")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    from eager_methods import METHODS
    if args.method != "all" and args.method not in METHODS:
        parser.error(f"--method must be all or one of {', '.join(METHODS)}")
    methods = list(METHODS) if args.method == "all" else [args.method]
    if args.check:
        print(f"{'method':16} {'encoder':>9} {'trained':>9} {'first':>9} {'last':>9}")
    elif args.sslrun:
        print(f"{'method':16} {'ours':>9} {'eager':>9} {'ratio':>7}  views/s, {args.precision}, {args.threads} threads")
    for method in methods:
        if args.check:
            check(method, args)
        elif args.sslrun:
            compare(method, args)
        else:
            found = eager(method, args)
            samples, attention = found["samples"], found["attention"]
            print(json.dumps(found) if args.json else f"{method:16} {statistics.median(samples):9.1f} views/s "
                  f"({min(samples):.1f}..{max(samples):.1f}) {attention}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
