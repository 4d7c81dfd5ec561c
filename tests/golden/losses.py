#!/usr/bin/env python3
"""Prints the values that tests/ops/losses_test.cpp holds the losses to: each written out from its paper in float64 with numpy,
on the matrices of tests/ops/golden.h. The official code of BYOL's, MoCo v3's, NNCLR's, Barlow Twins' and VICReg's losses gives
the same. Needs numpy.  usage: losses.py"""
import numpy as np


def wave(n, d, s):
    i, j = np.arange(n)[:, None], np.arange(d)[None, :]
    return np.sin(s + 0.7 * i + 1.3 * j + 0.11 * i * j)


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def cross_entropy(logits, chosen):
    return np.mean(np.log(np.exp(logits).sum(1)) - logits[np.arange(len(logits)), chosen])


def info_nce_queue(q, k, queue, temperature):  # He et al. 2020, equation 1
    logits = np.concatenate([(unit(q) * unit(k)).sum(1, keepdims=True), unit(q) @ unit(queue).T], 1) / temperature
    return cross_entropy(logits, 0)


def info_nce_batch(q, k, temperature):  # Chen, Xie, He 2021, equation 1
    return cross_entropy(unit(q) @ unit(k).T / temperature, np.arange(len(q)))


def off_diagonal(c):
    return (c ** 2).sum() - (np.diag(c) ** 2).sum()


def barlow_twins(x, y, weight):  # Zbontar et al. 2021, equation 1; the biased variance, as torch.nn.BatchNorm1d
    x, y = ((z - z.mean(0)) / np.sqrt(z.var(0) + 1e-5) for z in (x, y))
    c = x.T @ y / len(x)
    return ((1 - np.diag(c)) ** 2).sum() + weight * off_diagonal(c)


def vicreg(x, y):  # Bardes et al. 2022, equations 1 to 5
    terms = {"invariance": ((x - y) ** 2).mean(), "variance": 0, "covariance": 0}
    for z in (x, y):
        z = z - z.mean(0)
        terms["variance"] += np.maximum(0, 1 - np.sqrt(z.var(0, ddof=1) + 1e-4)).mean() / 2
        terms["covariance"] += off_diagonal(z.T @ z / (len(z) - 1)) / z.shape[1]
    return terms


a, b, queue = wave(4, 8, 0.1), wave(4, 8, 0.5), wave(6, 8, 2.0)
cosine = (unit(a) * unit(b)).sum(1).mean()
nearest = unit(queue)[(unit(a) @ unit(queue).T).argmax(1)]
values = {
    "negative_cosine": -cosine,
    "byol": 2 - 2 * cosine,
    "info_nce_queue 0.07": info_nce_queue(a, b, queue, 0.07),
    "info_nce_queue 0.2": info_nce_queue(a, b, queue, 0.2),
    "mocov3": 0.4 * (info_nce_batch(a, b, 0.2) + info_nce_batch(wave(4, 8, 1.0), wave(4, 8, 1.5), 0.2)),
    "nnclr": info_nce_batch(nearest, b, 0.1),
    "barlow_twins": barlow_twins(a, b, 0.0051),
    **{"vicreg " + name: value for name, value in vicreg(a, b).items()},
}
for name, value in values.items():
    print(f"{name}: {value:.8f}")
